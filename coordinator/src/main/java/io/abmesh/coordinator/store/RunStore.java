package io.abmesh.coordinator.store;

import io.abmesh.coordinator.plan.CompletePlan;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;

/**
 * All runs of a coordinator, a folder each, held by a lock so that two coordinators never share one
 * store.
 */
public final class RunStore implements AutoCloseable {
    private final Path directory;
    private final FileChannel lockFile;
    private final EpochFile epochs;
    private final Clock clock;
    private final RandomGenerator random;
    private final List<RunFolder> runs = new ArrayList<>();

    private RunStore(
            Path directory,
            FileChannel lockFile,
            EpochFile epochs,
            Clock clock,
            RandomGenerator random) {
        this.directory = directory;
        this.lockFile = lockFile;
        this.epochs = epochs;
        this.clock = clock;
        this.random = random;
    }

    /**
     * Opens or makes a store.
     *
     * @param random makes the names of runs unique
     * @throws MeshException ADDRESS_UNAVAILABLE if another coordinator holds it; STORE_FULL if it
     *     cannot be read or written
     */
    public static RunStore open(Path directory, Clock clock, RandomGenerator random) {
        try {
            Files.createDirectories(directory);
            FileChannel channel =
                    FileChannel.open(
                            directory.resolve("coordinator.lock"),
                            StandardOpenOption.CREATE,
                            StandardOpenOption.WRITE);
            if (!lock(channel)) {
                channel.close();
                throw new MeshException(
                        ErrorReason.ADDRESS_UNAVAILABLE,
                        "another coordinator holds the store: store=" + directory,
                        Map.of("store", directory.toString()));
            }
            try {
                RunStore store =
                        new RunStore(
                                directory,
                                channel,
                                EpochFile.open(directory.resolve("epoch")),
                                clock,
                                random);
                store.load();
                return store;
            } catch (IOException | RuntimeException e) {
                channel.close();
                throw e;
            }
        } catch (IOException e) {
            throw unusable(directory, e);
        }
    }

    private static boolean lock(FileChannel channel) throws IOException {
        try {
            FileLock lock = channel.tryLock();
            return lock != null;
        } catch (OverlappingFileLockException e) {
            return false;
        }
    }

    private void load() throws IOException {
        try (Stream<Path> folders = Files.list(directory)) {
            for (Path folder : folders.filter(RunFolder::whole).toList()) {
                runs.add(RunFolder.open(folder));
            }
        }
        runs.sort(Comparator.comparing(RunFolder::submitTime));
    }

    /** Returns all runs, oldest first. */
    public synchronized List<RunFolder> runs() {
        return List.copyOf(runs);
    }

    /** Returns the run of a submission. */
    public synchronized Optional<RunFolder> byRequest(String requestId) {
        return runs.stream().filter(run -> run.requestId().equals(requestId)).findFirst();
    }

    /**
     * Keeps a new run.
     *
     * @throws MeshException STORE_FULL if the store cannot be written
     */
    public synchronized RunFolder create(
            String requestId, String yaml, List<String> overrides, CompletePlan plan, Path base) {
        byte[] unique = new byte[4];
        random.nextBytes(unique);
        String runId =
                plan.plan().getName().toLowerCase(Locale.ROOT)
                        + "-"
                        + HexFormat.of().formatHex(unique);
        RunFolder run =
                new RunFolder(
                        directory.resolve(runId),
                        runId,
                        requestId,
                        plan,
                        overrides,
                        base,
                        clock.instant());
        try {
            run.create(yaml);
        } catch (IOException e) {
            throw unusable(run.folder(), e);
        }
        runs.add(run);
        return run;
    }

    /**
     * Writes down that the relative paths of a run are relative to another folder now.
     *
     * @throws MeshException STORE_FULL if the store cannot be written
     */
    public synchronized RunFolder move(RunFolder run, Path base) {
        try {
            RunFolder moved = run.moved(base);
            runs.set(runs.indexOf(run), moved);
            return moved;
        } catch (IOException e) {
            throw unusable(run.folder(), e);
        }
    }

    /**
     * Returns a membership epoch that is greater than every one before, of any run and of any
     * coordinator that held this store.
     *
     * @throws MeshException STORE_FULL if the store cannot be written
     */
    public synchronized long nextEpoch() {
        try {
            return epochs.next();
        } catch (IOException e) {
            throw unusable(directory.resolve("epoch"), e);
        }
    }

    @Override
    public void close() {
        try {
            epochs.close();
            lockFile.close();
        } catch (IOException e) {
            throw unusable(directory, e);
        }
    }

    /** Returns the named error of a store that refuses to be read or written. */
    public static MeshException unusable(Path path, IOException cause) {
        return new MeshException(
                ErrorReason.STORE_FULL,
                "cannot use the store: path=" + path + ", cause=" + cause,
                Map.of("path", path.toString()),
                cause);
    }
}
