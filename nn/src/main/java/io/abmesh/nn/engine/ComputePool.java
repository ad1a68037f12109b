package io.abmesh.nn.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Runs numbered pieces of a computation on a fixed number of named threads, the caller's among
 * them. Which thread runs which piece is left open, so a piece must write only what is its own;
 * results then do not depend on the number of threads.
 */
public final class ComputePool implements AutoCloseable {
    private final int threads;
    private final ExecutorService helpers;

    /**
     * Starts the threads.
     *
     * @param threads at least 1; the caller counts as one
     */
    public ComputePool(int threads) {
        if (threads < 1) {
            throw new IllegalArgumentException("compute threads: found=" + threads + ", min=1");
        }
        this.threads = threads;
        AtomicInteger number = new AtomicInteger();
        this.helpers =
                Executors.newFixedThreadPool(
                        Math.max(1, threads - 1),
                        task -> {
                            Thread thread =
                                    new Thread(task, "abmesh-compute-" + number.incrementAndGet());
                            thread.setDaemon(true);
                            return thread;
                        });
    }

    /**
     * Runs {@code piece} for each of {@code 0 .. count - 1} and returns when no thread is at it any
     * more, also where one fails.
     *
     * @throws IllegalStateException if a piece failed on another thread, with that as the cause; an
     *     {@link Error} is thrown as it is
     */
    void run(int count, IntConsumer piece) {
        if (threads == 1 || count == 1) {
            for (int i = 0; i < count; i++) {
                piece.accept(i);
            }
            return;
        }
        AtomicInteger next = new AtomicInteger();
        Runnable drain =
                () -> {
                    for (int i = next.getAndIncrement(); i < count; i = next.getAndIncrement()) {
                        piece.accept(i);
                    }
                };
        List<Future<?>> others = new ArrayList<>(threads - 1);
        for (int i = 1; i < Math.min(threads, count); i++) {
            others.add(helpers.submit(drain));
        }
        Throwable theirs = null;
        try {
            drain.run();
        } finally {
            theirs = join(others);
        }
        if (theirs instanceof Error error) {
            throw error;
        }
        if (theirs != null) {
            throw new IllegalStateException("a compute thread failed: " + theirs, theirs);
        }
    }

    @Override
    public void close() {
        helpers.shutdown();
    }

    /**
     * Waits for all, since they write into memory that the caller may free, and returns the first
     * failure. An interrupt is told once they are done.
     */
    private static @Nullable Throwable join(List<Future<?>> futures) {
        Throwable failure = null;
        boolean interrupted = false;
        for (int next = 0; next < futures.size(); ) {
            try {
                futures.get(next).get();
                next++;
            } catch (InterruptedException e) {
                interrupted = true;
            } catch (ExecutionException e) {
                failure = failure == null ? e.getCause() : failure;
                next++;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return failure;
    }
}
