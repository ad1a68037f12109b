package io.abmesh.coordinator.run;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jboss.logging.Logger;

/**
 * The one thread that owns the coordinator's state. Everything that changes it is a task here;
 * nothing here blocks.
 */
public final class Loop implements AutoCloseable {
    private static final Logger LOG = Logger.getLogger(Loop.class);

    private final ScheduledExecutorService thread =
            Executors.newSingleThreadScheduledExecutor(
                    task -> new Thread(task, "coordinator-loop"));

    /** Runs a task soon; dropped when the coordinator stops. */
    public void execute(Runnable task) {
        try {
            thread.execute(() -> guarded(task));
        } catch (RejectedExecutionException e) {
            LOG.debugf("Task dropped at stop");
        }
    }

    /** Runs a task soon and returns when it has run; never called on the loop itself. */
    void executeAndWait(Runnable task) {
        CompletableFuture<Void> done = new CompletableFuture<>();
        execute(
                () -> {
                    try {
                        task.run();
                        done.complete(null);
                    } catch (RuntimeException e) {
                        done.completeExceptionally(e);
                    }
                });
        done.join();
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

    private static void guarded(Runnable task) {
        try {
            task.run();
        } catch (RuntimeException e) {
            LOG.error("Task failed", e);
        }
    }

    @Override
    public void close() {
        thread.shutdown();
    }
}
