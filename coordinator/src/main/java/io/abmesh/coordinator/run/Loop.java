package io.abmesh.coordinator.run;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.log.LogContext;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jboss.logging.Logger;

/**
 * The one thread that owns the coordinator's state. Everything that changes it is a task here;
 * nothing here blocks.
 */
public final class Loop implements AutoCloseable {
    private static final Logger LOG = Logger.getLogger(Loop.class);

    /** How long tasks may take at the end. */
    static final Duration CLOSE = Duration.ofSeconds(5);

    private final ScheduledThreadPoolExecutor thread;
    private final Supplier<LogContext> context;

    /** Makes a loop that waits for tasks. */
    public Loop() {
        this(
                new ScheduledThreadPoolExecutor(1, task -> new Thread(task, "coordinator-loop")),
                () -> LogContext.NONE);
        thread.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
    }

    private Loop(ScheduledThreadPoolExecutor thread, Supplier<LogContext> context) {
        this.thread = thread;
        this.context = context;
    }

    /**
     * Returns the same loop for tasks that work for something.
     *
     * @param workedFor asked on the loop, when a task begins
     */
    Loop of(Supplier<LogContext> workedFor) {
        return new Loop(thread, workedFor);
    }

    /** Returns the same loop for tasks on account of a worker. */
    public Loop of(String workerId) {
        return new Loop(thread, () -> context.get().worker(workerId));
    }

    /** Runs a task soon; dropped when the coordinator stops. */
    public void execute(Runnable task) {
        try {
            thread.execute(() -> guarded(task));
        } catch (RejectedExecutionException e) {
            LOG.debugf("Task dropped at stop");
        }
    }

    /**
     * Runs a task soon and returns when it has run; never called on the loop itself.
     *
     * @throws RuntimeException what the task throws; DRAINING when the coordinator stops
     */
    void executeAndWait(Runnable task) {
        FutureTask<Void> waited = new FutureTask<>(task, null);
        try {
            thread.execute(waited);
            waited.get();
        } catch (RejectedExecutionException e) {
            throw new MeshException(ErrorReason.DRAINING, "coordinator is about to stop");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new MeshException(ErrorReason.CANCELLED, "interrupted while it waited");
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException failure) {
                throw failure;
            }
            throw new IllegalStateException(e.getCause());
        }
    }

    /** Runs a task once, later; dropped when the coordinator stops. */
    void after(Duration delay, Runnable task) {
        try {
            var unused =
                    thread.schedule(() -> guarded(task), delay.toMillis(), TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException e) {
            LOG.debugf("Task dropped at stop");
        }
    }

    /** Runs a task again and again. */
    public void every(Duration period, Runnable task) {
        var unused =
                thread.scheduleAtFixedRate(
                        () -> guarded(task),
                        period.toMillis(),
                        period.toMillis(),
                        TimeUnit.MILLISECONDS);
    }

    private void guarded(Runnable task) {
        context.get()
                .during(
                        () -> {
                            try {
                                task.run();
                            } catch (RuntimeException e) {
                                LOG.error("Task failed", e);
                            }
                        });
    }

    /** Takes no more tasks and waits for those that it has, up to {@link #CLOSE}. */
    @Override
    public void close() {
        thread.shutdown();
        try {
            if (!thread.awaitTermination(CLOSE.toMillis(), TimeUnit.MILLISECONDS)) {
                LOG.warnf("Loop does not end: waited=%s", CLOSE);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
