package io.abmesh.cli.run;

import io.abmesh.cli.error.CliException;
import io.abmesh.cli.error.ExitCode;
import io.abmesh.cli.mesh.MeshFile;
import io.abmesh.proto.process.PublishedFile;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
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
    private static final String PLAN = "plan.yaml";
    private static final String LOGS = "logs";
    private static final String STORE = "store";
    private static final String CHECKPOINT = "checkpoint";
    private static final String CACHE = "cache";
    private static final String READY = ".ready";
    private static final String MESH = "mesh.json";

    /** What there can be before {@link #begin} has ended, in a folder that was taken. */
    private static final Set<String> BEFORE_BEGIN =
            Set.of(LOCK, PLAN, PLAN + ".tmp", RECORD + ".tmp", LOGS, STORE, READY, MESH);

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
     * Takes the folder at {@code path}: a run's, an empty one, a new one, or one in which a command
     * was killed before its run was begun.
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
            if (!created && !isRun(absolute) && holdsOtherThings(absolute)) {
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
        return path.resolve(PLAN);
    }

    Path logs() {
        return path.resolve(LOGS);
    }

    Path store() {
        return path.resolve(STORE);
    }

    Path checkpoint() {
        return path.resolve(CHECKPOINT);
    }

    Path cache() {
        return path.resolve(CACHE);
    }

    Path ready() {
        return path.resolve(READY);
    }

    MeshFile meshFile() {
        return new MeshFile(path.resolve(MESH));
    }

    /** Returns what the folder remembers, if it is a run's. */
    Optional<RunRecord> record() {
        return Optional.ofNullable(record);
    }

    /** Makes this the folder of the run that {@code newRecord} and {@code planText} say. */
    void begin(RunRecord newRecord, String planText) throws IOException {
        // A resumed run has it already; it must survive whatever ends this command.
        if (!Files.exists(planFile()) || !Files.readString(planFile()).equals(planText)) {
            PublishedFile.write(planFile(), planText);
        }
        newRecord.write(path.resolve(RECORD));
        record = newRecord;
    }

    /** Removes what this command made and nothing else, if no run was begun here. */
    void discardIfNotBegun() {
        if (record != null) {
            return;
        }
        try {
            for (String name : BEFORE_BEGIN) {
                delete(path.resolve(name));
            }
            if (created) {
                Files.deleteIfExists(path);
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

    private static void delete(Path root) throws IOException {
        if (!Files.exists(root)) {
            return;
        }
        try (Stream<Path> files = Files.walk(root)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        }
    }

    /** Only a folder with the lock in it was taken before: names alone could be anybody's. */
    private static boolean holdsOtherThings(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            Set<String> names =
                    files.map(file -> file.getFileName().toString()).collect(Collectors.toSet());
            return !names.isEmpty() && !(names.contains(LOCK) && BEFORE_BEGIN.containsAll(names));
        }
    }
}
