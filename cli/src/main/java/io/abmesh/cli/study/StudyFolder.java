package io.abmesh.cli.study;

import io.abmesh.cli.comparison.Comparison;
import io.abmesh.cli.comparison.ComparisonPage;
import io.abmesh.cli.comparison.ComparisonTable;
import io.abmesh.cli.error.CliException;
import io.abmesh.cli.error.ExitCode;
import io.abmesh.cli.plan.PlanText;
import io.abmesh.proto.process.PublishedFile;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.stream.Stream;

/**
 * The folder of a study. Held by one command at a time, through a file lock that ends with the
 * process.
 *
 * <pre>
 * study.yaml                    what is compared, and what --set changed of it
 * runs/METHOD-FRACTION-sSEED/   the folder of each run, as `abmesh run` makes it
 * runs/METHOD-FRACTION-sSEED.log   what each run said
 * cache/lane-N/                 boundary cache of the runs that are run at place N, one after the other
 * comparison.html, comparison.csv, runs.csv, curves.csv   the result, made anew after each run
 * </pre>
 */
final class StudyFolder implements AutoCloseable {
    private static final String STUDY = "study.yaml";
    private static final String LOCK = ".lock";

    private final Path path;
    private final FileChannel lockFile;

    private StudyFolder(Path path, FileChannel lockFile) {
        this.path = path;
        this.lockFile = lockFile;
    }

    /**
     * Takes the folder at {@code path}: a study's, an empty one, or a new one.
     *
     * @throws CliException if it holds something else, is in use, or cannot be written
     */
    static StudyFolder take(Path path) {
        Path absolute = path.toAbsolutePath().normalize();
        try {
            if (Files.exists(absolute)
                    && !Files.isRegularFile(absolute.resolve(STUDY))
                    && !isEmpty(absolute)) {
                throw new CliException(
                        ExitCode.BAD_INPUT,
                        "%s is neither empty nor the folder of a study".formatted(path));
            }
            Files.createDirectories(absolute.resolve("runs"));
            FileChannel lockFile =
                    FileChannel.open(
                            absolute.resolve(LOCK),
                            StandardOpenOption.CREATE,
                            StandardOpenOption.WRITE);
            FileLock lock = lockFile.tryLock();
            if (lock == null) {
                lockFile.close();
                throw new CliException(
                        ExitCode.BAD_INPUT, "another abmesh works in the folder " + path);
            }
            return new StudyFolder(absolute, lockFile);
        } catch (IOException e) {
            throw new CliException(
                    ExitCode.BAD_INPUT,
                    "cannot use the folder %s: %s".formatted(path, e.getMessage()),
                    e);
        }
    }

    Path path() {
        return path;
    }

    /** Returns the boundary cache of the runs at a place; two at a time cannot share one. */
    Path cache(int lane) {
        return path.resolve("cache").resolve("lane-" + lane);
    }

    /** Keeps what is compared. */
    void remember(PlanText study) throws IOException {
        StringBuilder text = new StringBuilder(study.yaml());
        if (!study.yaml().endsWith("\n")) {
            text.append('\n');
        }
        study.overrides()
                .forEach(override -> text.append("# --set ").append(override).append('\n'));
        PublishedFile.write(path.resolve(STUDY), text.toString());
    }

    /** Makes the result say what there is. */
    void publish(Comparison comparison) throws IOException {
        PublishedFile.write(path.resolve("comparison.csv"), ComparisonTable.summaryCsv(comparison));
        PublishedFile.write(path.resolve("runs.csv"), ComparisonTable.runsCsv(comparison));
        PublishedFile.write(path.resolve("curves.csv"), ComparisonTable.curvesCsv(comparison));
        PublishedFile.write(
                path.resolve("comparison.html"),
                ComparisonPage.html(comparison, Files.readString(path.resolve(STUDY))));
    }

    @Override
    public void close() throws IOException {
        lockFile.close();
    }

    private static boolean isEmpty(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            return false;
        }
        // A command that was killed before it began leaves the lock and an empty folder.
        try (Stream<Path> files = Files.list(folder)) {
            return files.allMatch(file -> file.endsWith(LOCK) || file.endsWith("runs"));
        }
    }
}
