package io.abmesh.student.run;

import io.abmesh.nn.checkpoint.CheckpointException;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.trace.StepTracing;
import io.abmesh.proto.v1.StudentJoin;
import io.abmesh.student.exchange.StudentExchanges;
import io.abmesh.student.fetch.BatchPrefetcher;
import io.abmesh.student.fetch.BatchSource;
import io.abmesh.student.meter.StudentMeters;
import io.abmesh.student.session.CoordinatorSession;
import io.abmesh.student.session.WorkProgress;
import io.grpc.ManagedChannel;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.jboss.logging.Logger;

/**
 * A student at work: the session with the coordinator, the fetches ahead, and the one thread that
 * computes, {@code student-compute}.
 */
public final class StudentRunner implements AutoCloseable {
    /** Longest that others wait for the step in hand of one that is to leave. */
    static final Duration LONGEST_STEP = Duration.ofSeconds(5);

    private static final Logger LOG = Logger.getLogger(StudentRunner.class);

    private final BatchPrefetcher prefetcher;
    private final WorkQueue queue;
    private final StudentExchanges exchanges;
    private final CoordinatorSession session;
    private final RunCheckpoints checkpoints;
    private final Thread compute;
    private final CompletableFuture<Throwable> broken = new CompletableFuture<>();
    private final Duration stopGrace;

    private StudentRunner(
            ManagedChannel coordinator,
            BatchSource batches,
            StudentExchanges exchanges,
            StudentExport export,
            StudentJoin join,
            RunnerSettings settings,
            StudentMeters meters,
            StepTracing tracing,
            WorkProgress progress) {
        this.stopGrace = settings.stopGrace();
        this.exchanges = exchanges;
        this.checkpoints = checkpoints(settings, meters, progress);
        this.prefetcher = new BatchPrefetcher(batches, settings.fetch(), meters, System::nanoTime);
        this.queue = new WorkQueue(prefetcher, exchanges, settings.fetch().maxBytes());
        this.session = new CoordinatorSession(coordinator, join, queue, progress);
        StudentLoop loop =
                new StudentLoop(
                        queue,
                        session,
                        exchanges,
                        checkpoints,
                        export,
                        new CoordinatorArtifactStore(coordinator, progress),
                        meters,
                        tracing,
                        progress,
                        new StudentLoop.LoopSettings(
                                join.getWorkerId(),
                                join.getThreads(),
                                join.getPrefetch(),
                                settings.versions()));
        this.compute = new Thread(loop, "student-compute");
        compute.setUncaughtExceptionHandler(
                (thread, cause) -> {
                    LOG.error("Worker cannot go on", cause);
                    broken.complete(cause);
                });
    }

    /**
     * Starts to work.
     *
     * @param coordinator channel to the coordinator; not closed by this
     * @param batches where tensors come from; not closed by this
     * @param exchanges this student's part in epochs; not closed by this
     * @param join what the worker says of itself
     * @param tracing records spans of traced steps; not closed by this
     * @throws MeshException STORE_FULL or INVALID_REQUEST if the checkpoint folder cannot be made
     */
    public static StudentRunner start(
            ManagedChannel coordinator,
            BatchSource batches,
            StudentExchanges exchanges,
            StudentJoin join,
            RunnerSettings settings,
            StudentMeters meters,
            StepTracing tracing) {
        WorkProgress progress = new WorkProgress();
        return start(
                coordinator,
                batches,
                exchanges,
                new NnStudentExport(settings.exportDirectory(), join.getVersion(), progress),
                join,
                settings,
                meters,
                tracing,
                progress);
    }

    static StudentRunner start(
            ManagedChannel coordinator,
            BatchSource batches,
            StudentExchanges exchanges,
            StudentExport export,
            StudentJoin join,
            RunnerSettings settings,
            StudentMeters meters,
            StepTracing tracing,
            WorkProgress progress) {
        StudentRunner runner =
                new StudentRunner(
                        coordinator,
                        batches,
                        exchanges,
                        export,
                        join,
                        settings,
                        meters,
                        tracing,
                        progress);
        runner.compute.start();
        runner.session.start();
        return runner;
    }

    /** Completes when the coordinator refuses this worker for good. */
    public CompletableFuture<MeshException> refusal() {
        return queue.refusal();
    }

    /**
     * Completes when the compute thread has ended by an error, of memory for instance: whoever runs
     * this worker ends the process, since nobody computes any more.
     */
    public CompletableFuture<Throwable> broken() {
        return broken;
    }

    /** True until the compute thread has ended. */
    boolean computes() {
        return compute.isAlive();
    }

    /**
     * Finishes the step in hand, leaves, publishes a checkpoint, frees everything, all of it within
     * the grace. A step whose batches, or whose other students, do not come within the first half
     * of it, and within {@link #LONGEST_STEP}, is given up, and others wait for this one no longer.
     * What is not done at the end, since a disk takes nothing, is left as it is: the checkpoint
     * before stays, and the memory in use goes with the process.
     */
    @Override
    public void close() {
        queue.stop();
        try {
            Duration half = stopGrace.dividedBy(2);
            Duration forStep = half.compareTo(LONGEST_STEP) < 0 ? half : LONGEST_STEP;
            if (!ends(forStep)) {
                queue.abandonCurrent();
                exchanges.depart();
                session.close();
                if (!ends(stopGrace.minus(forStep))) {
                    tellOfRest();
                }
            }
        } catch (InterruptedException e) {
            compute.interrupt();
            Thread.currentThread().interrupt();
        }
        checkpoints.close();
        session.close();
        prefetcher.close();
    }

    /** Waits for the compute thread to end; returns whether it has. */
    private boolean ends(Duration patience) throws InterruptedException {
        compute.join(Math.max(1, patience.toMillis()));
        return !compute.isAlive();
    }

    private void tellOfRest() {
        Throwable at = new Throwable(compute.getName());
        at.setStackTrace(compute.getStackTrace());
        LOG.errorf(at, "Worker stops in the middle of its work grace=%s", stopGrace);
    }

    private static RunCheckpoints checkpoints(
            RunnerSettings settings, StudentMeters meters, WorkProgress progress) {
        try {
            return new RunCheckpoints(
                    settings.checkpointDirectory(), settings.checkpointsKept(), meters, progress);
        } catch (CheckpointException e) {
            throw new MeshException(
                    e.reason() == CheckpointException.Reason.STORE_FULL
                            ? ErrorReason.STORE_FULL
                            : ErrorReason.INVALID_REQUEST,
                    String.valueOf(e.getMessage()),
                    Map.of(),
                    e);
        }
    }
}
