package io.abmesh.coordinator.cluster.operator;

import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.jboss.logging.Logger;

/**
 * Names of runs that wait to be looked at, each at most once, and the one thread that looks. A run
 * whose look fails is looked at again, later each time, and sooner if there is another reason to.
 * Bounded by the number of runs.
 */
final class RunQueue implements AutoCloseable {
    private static final Logger LOG = Logger.getLogger(RunQueue.class);
    private static final Duration FIRST_RETRY = Duration.ofMillis(500);
    private static final Duration LAST_RETRY = Duration.ofSeconds(30);
    private static final Duration CLOSE = Duration.ofSeconds(10);

    private final Predicate<String> look;
    private final Set<String> waiting = new HashSet<>();
    private final Map<String, Integer> failures = new HashMap<>();

    /** The look that is due anyway, of runs whose last one failed; used by the one thread. */
    private final Map<String, ScheduledFuture<?>> retries = new HashMap<>();

    private final ScheduledThreadPoolExecutor thread =
            new ScheduledThreadPoolExecutor(1, task -> new Thread(task, "coordinator-operator"));

    /**
     * Makes a queue.
     *
     * @param look returns false if it is not over, and whoever ends it adds the run; what failed
     *     before it still counts then
     */
    RunQueue(Predicate<String> look) {
        this.look = look;
        thread.setRemoveOnCancelPolicy(true);
        thread.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
    }

    /** Looks at a run soon; from any thread. */
    void add(String name) {
        synchronized (waiting) {
            if (!waiting.add(name)) {
                return;
            }
        }
        try {
            thread.execute(() -> take(name));
        } catch (RejectedExecutionException e) {
            LOG.debugf("Run is not looked at, the operator stops run=%s", name);
        }
    }

    /** Returns the looks that are due, now or later. */
    int due() {
        return thread.getQueue().size();
    }

    /** Does something again and again on the thread that looks. */
    void every(Duration period, Runnable task) {
        var unused =
                thread.scheduleWithFixedDelay(
                        () -> {
                            try {
                                task.run();
                            } catch (RuntimeException e) {
                                LOG.warnf("Task failed cause=%s", e.getMessage());
                            }
                        },
                        period.toMillis(),
                        period.toMillis(),
                        TimeUnit.MILLISECONDS);
    }

    private void take(String name) {
        synchronized (waiting) {
            waiting.remove(name);
        }
        ScheduledFuture<?> retry = retries.remove(name);
        if (retry != null) {
            retry.cancel(false);
        }
        try {
            if (look.test(name)) {
                failures.remove(name);
            }
        } catch (RuntimeException e) {
            int failed = failures.merge(name, 1, Integer::sum);
            Duration delay = FIRST_RETRY.multipliedBy(1L << Math.min(failed - 1, 10));
            Duration next = delay.compareTo(LAST_RETRY) < 0 ? delay : LAST_RETRY;
            LOG.warnf(
                    "Run is looked at again run=%s delay=%s cause=%s", name, next, e.getMessage());
            LOG.debug("Cause", e);
            again(name, next);
        }
    }

    private void again(String name, Duration delay) {
        try {
            retries.put(
                    name,
                    thread.schedule(() -> take(name), delay.toMillis(), TimeUnit.MILLISECONDS));
        } catch (RejectedExecutionException e) {
            LOG.debugf("Run is not looked at, the operator stops run=%s", name);
        }
    }

    /** Lets the look in hand end, for as long as it may take, and begins no other. */
    @Override
    public void close() {
        thread.shutdown();
        try {
            if (!thread.awaitTermination(CLOSE.toMillis(), TimeUnit.MILLISECONDS)) {
                LOG.warnf("Operator does not end waited=%s", CLOSE);
                thread.shutdownNow();
            }
        } catch (InterruptedException e) {
            thread.shutdownNow();
            Thread.currentThread().interrupt();
        }
    }
}
