package io.abmesh.student.run;

import io.abmesh.nn.checkpoint.Checkpoint;
import io.abmesh.nn.checkpoint.CheckpointDirectory;
import io.abmesh.nn.checkpoint.CheckpointException;
import io.abmesh.proto.log.LogContext;
import io.abmesh.student.meter.StudentMeters;
import io.abmesh.student.session.WorkProgress;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jboss.logging.Logger;

/**
 * Checkpoints of the run in hand. They are hashed and written by one thread, {@code
 * student-checkpoint}, while the next steps compute. A snapshot that is not written yet is the only
 * one in memory if {@link #await} comes before the next is taken: so steps go on past a disk that
 * is slow, up to the next checkpoint or the end of a track. To be used by one thread.
 *
 * <p>A folder serves one run at a time: what another run left is moved to {@value #SUPERSEDED},
 * where only the last such run stays.
 */
final class RunCheckpoints implements AutoCloseable {
    static final String SUPERSEDED = "superseded";

    private static final Logger LOG = Logger.getLogger(RunCheckpoints.class);
    private static final String SUFFIX = ".safetensors";

    private final Path directory;
    private final CheckpointDirectory checkpoints;
    private final StudentMeters meters;
    private final WorkProgress progress;
    private final ExecutorService writer =
            Executors.newSingleThreadExecutor(new DefaultThreadFactory("student-checkpoint", true));
    private CompletableFuture<Void> last = CompletableFuture.completedFuture(null);

    /**
     * Creates the folder if it is missing.
     *
     * @param keep newest checkpoints that stay
     * @param progress of the worker, which each checkpoint is
     * @throws CheckpointException if it cannot be made
     */
    RunCheckpoints(Path directory, int keep, StudentMeters meters, WorkProgress progress) {
        this.directory = directory;
        this.checkpoints = new CheckpointDirectory(directory, keep);
        this.meters = meters;
        this.progress = progress;
    }

    /**
     * Returns the newest valid checkpoint of that run; checkpoints of other runs are moved out of
     * the way.
     *
     * @throws CheckpointException if the folder cannot be read, or they cannot be moved
     */
    Optional<Checkpoint> newest(RunPlan plan) {
        await();
        int quarantinedBefore = checkpoints.quarantined().size();
        Optional<Checkpoint> found =
                checkpoints
                        .newest(plan.planSha256())
                        .filter(
                                checkpoint ->
                                        checkpoint.require(Checkpoint.RUN_ID).equals(plan.runId()));
        List<Path> quarantined = checkpoints.quarantined();
        for (Path file : quarantined.subList(quarantinedBefore, quarantined.size())) {
            LOG.warnf(
                    "Checkpoint is damaged and put aside reason=CHECKPOINT_CORRUPT file=%s", file);
        }
        if (found.isEmpty()) {
            supersede();
        }
        return found;
    }

    /**
     * Writes in the background, after the one before.
     *
     * @param whenPublished gets what was written, on the writing thread, once the file is there
     * @throws RuntimeException why the one before could not be written
     */
    void publish(Snapshot snapshot, Consumer<Checkpoint> whenPublished) {
        await();
        LogContext context = LogContext.current().step(snapshot.step());
        last =
                CompletableFuture.runAsync(
                        () -> context.during(() -> write(snapshot, whenPublished)), writer);
    }

    private void write(Snapshot snapshot, Consumer<Checkpoint> whenPublished) {
        long start = System.nanoTime();
        Checkpoint checkpoint = snapshot.checkpoint();
        Path file = checkpoints.publish(snapshot.step(), checkpoint);
        Duration duration = Duration.ofNanos(System.nanoTime() - start);
        meters.checkpointWritten(duration);
        progress.pieceDone();
        LOG.debugf("Checkpoint published file=%s duration=%s", file, duration);
        whenPublished.accept(checkpoint);
    }

    /**
     * Tells whether the last one failed, without waiting.
     *
     * @throws RuntimeException why
     */
    void requireHealthy() {
        if (last.isCompletedExceptionally()) {
            await();
        }
    }

    /**
     * Waits until the last one is published.
     *
     * @throws RuntimeException why it could not be written; only once
     */
    void await() {
        CompletableFuture<Void> waited = last;
        last = CompletableFuture.completedFuture(null);
        try {
            waited.join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            throw e;
        }
    }

    /**
     * Waits for nothing, see {@link #await}; thread-safe. What is being written goes on, since an
     * interrupt of who writes would itself wait for the disk.
     */
    @Override
    public void close() {
        writer.shutdown();
    }

    private void supersede() {
        try (Stream<Path> files = Files.list(directory)) {
            List<Path> others =
                    files.filter(file -> file.getFileName().toString().endsWith(SUFFIX)).toList();
            if (others.isEmpty()) {
                return;
            }
            Path aside = Files.createDirectories(directory.resolve(SUPERSEDED));
            try (Stream<Path> older = Files.list(aside)) {
                for (Path file : older.toList()) {
                    Files.delete(file);
                }
            }
            for (Path file : others) {
                Files.move(
                        file,
                        aside.resolve(file.getFileName()),
                        StandardCopyOption.REPLACE_EXISTING);
            }
            LOG.warnf(
                    "Checkpoints of another run put aside folder=%s count=%d",
                    aside, others.size());
        } catch (IOException e) {
            throw new CheckpointException(
                    CheckpointException.Reason.UNWRITABLE,
                    "cannot put checkpoints of another run aside: folder="
                            + directory
                            + ", cause="
                            + e,
                    e);
        }
    }
}
