package io.abmesh.kube;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;

/** Waits for what happens in another process and tells nobody. */
public final class Waiting {
    private static final long PERIOD_MILLIS = 50;

    private Waiting() {}

    /**
     * Returns once a condition holds; it is asked 20 times a second. What it throws counts as "not
     * yet".
     *
     * @throws IllegalStateException if it does not hold in time; the message names it
     */
    public static void until(String what, Duration limit, BooleanSupplier condition) {
        CompletableFuture<Void> held = new CompletableFuture<>();
        ScheduledExecutorService thread =
                Executors.newSingleThreadScheduledExecutor(task -> new Thread(task, "waiting"));
        try {
            ScheduledFuture<?> unused =
                    thread.scheduleWithFixedDelay(
                            () -> {
                                try {
                                    if (condition.getAsBoolean()) {
                                        held.complete(null);
                                    }
                                } catch (RuntimeException e) {
                                    // asked again
                                }
                            },
                            0,
                            PERIOD_MILLIS,
                            TimeUnit.MILLISECONDS);
            held.get(limit.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            throw new IllegalStateException("not within " + limit + ": " + what, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while waiting: " + what, e);
        } catch (ExecutionException e) {
            throw new IllegalStateException(what, e);
        } finally {
            thread.shutdownNow();
        }
    }
}
