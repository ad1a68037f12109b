package io.abmesh.cli.run;

import io.abmesh.cli.error.CliException;
import io.abmesh.cli.error.ExitCode;
import io.abmesh.cli.mesh.MeshFile;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The folder of a run. Held by one command at a time, through a file lock that ends with the
 * process.
 *
 * <pre>
 * plan.yaml, run.json           what is run
 * mesh.json                     processes, while it runs
 * logs/                         output of each process
 * store/                        the coordinator's: journal and metrics
 * checkpoint/                   the student's
 * cache/                        the teachers' boundary cache, unless it is elsewhere
 * student.onnx, student.dl4j.zip, report.json ... the result
 * </pre>
 */
final class RunFolder implements AutoCloseable {

    /** Numbers of the result. */
    static final String REPORT = "report.json";

    /** The same for people. */
    static final String REPORT_PAGE = "report.html";

    /** The trained student. */
    static final String STUDENT = "student.onnx";

    /** Files that the coordinator hands over when a run is done. */
    static final List<String> ARTIFACTS =
            List.of(REPORT, REPORT_PAGE, "metrics.jsonl", STUDENT, "student.dl4j.zip");

    private static final String RECORD = "run.json";
    private static final String LOCK = ".lock";

    private final Path path;
    private final boolean created;
    private final FileChannel lockFile;
    private @Nullable RunRecord record;

    private RunFolder(
            Path path, boolean created, FileChannel lockFile, @Nullable RunRecord record) {
        this.path = path;
        this.created = created;
        this.lockFile = lockFile;
        this.record = record;
    }

    /**
     * Takes the folder at {@code path}: a run's, an empty one, or a new one.
     *
     * @throws CliException if it holds something else, is in use, or cannot be written
     */
    static RunFolder take(Path path) {
        Path absolute = path.toAbsolutePath().normalize();
        try {
            boolean created = !Files.exists(absolute);
            if (!created && !Files.isDirectory(absolute)) {
                throw new CliException(ExitCode.BAD_INPUT, "not a folder: " + path);
            }
            if (!created && !isRun(absolute) && !isEmpty(absolute)) {
                throw new CliException(
                        ExitCode.BAD_INPUT,
                        "%s is neither empty nor the folder of a run".formatted(path));
            }
            Files.createDirectories(absolute);
            FileChannel lockFile = lock(absolute, path);
            RunRecord record = isRun(absolute) ? readRecord(absolute) : null;
            return new RunFolder(absolute, created, lockFile, record);
        } catch (IOException e) {
            throw new CliException(
                    ExitCode.BAD_INPUT,
                    "cannot use the folder %s: %s".formatted(path, e.getMessage()),
                    e);
        }
    }

    /** Tells whether {@code path} holds a run. */
    static boolean isRun(Path path) {
        return Files.isRegularFile(path.resolve(RECORD));
    }

    /** Returns what the run in {@code path} remembers. */
    static RunRecord readRecord(Path path) throws IOException {
        return RunRecord.read(path.resolve(RECORD));
    }

    Path path() {
        return path;
    }

    Path planFile() {
        return path.resolve("plan.yaml");
    }

    Path logs() {
        return path.resolve("logs");
    }

    Path store() {
        return path.resolve("store");
    }

    Path checkpoint() {
        return path.resolve("checkpoint");
    }

    Path cache() {
        return path.resolve("cache");
    }

    Path ready() {
        return path.resolve(".ready");
    }

    MeshFile meshFile() {
        return new MeshFile(path.resolve("mesh.json"));
    }

    /** Returns what the folder remembers, if it is a run's. */
    Optional<RunRecord> record() {
        return Optional.ofNullable(record);
    }

    /** Makes this the folder of the run that {@code newRecord} and {@code planText} say. */
    void begin(RunRecord newRecord, String planText) throws IOException {
        Files.writeString(planFile(), planText);
        newRecord.write(path.resolve(RECORD));
        record = newRecord;
    }

    /** Removes what this command made, if no run was begun here. */
    void discardIfNotBegun() {
        if (record != null) {
            return;
        }
        try (Stream<Path> files = Files.walk(path)) {
            List<Path> deepestFirst =
                    files.sorted(Comparator.reverseOrder())
                            .filter(file -> created || !file.equals(path))
                            .toList();
            for (Path file : deepestFirst) {
                Files.deleteIfExists(file);
            }
        } catch (IOException e) {
            // What stays is an empty store; the error that brought us here is the one to tell.
        }
    }

    @Override
    public void close() throws IOException {
        lockFile.close();
    }

    private static FileChannel lock(Path folder, Path named) throws IOException {
        FileChannel channel =
                FileChannel.open(
                        folder.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock lock = channel.tryLock();
        if (lock == null) {
            channel.close();
            throw new CliException(
                    ExitCode.BAD_INPUT, "another abmesh works in the folder " + named);
        }
        return channel;
    }

    private static boolean isEmpty(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.allMatch(file -> file.endsWith(LOCK));
        }
    }
}
