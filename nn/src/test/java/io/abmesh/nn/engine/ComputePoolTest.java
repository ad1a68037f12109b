package io.abmesh.nn.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;

/** Threads are told apart by what they do, never by time. */
final class ComputePoolTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final Thread caller = Thread.currentThread();
    private final AtomicInteger arrived = new AtomicInteger();

    @Test
    void aFailureIsToldOnceNoThreadWritesAnyMore() {
        AtomicReference<Thread> failing = new AtomicReference<>(caller);
        AtomicBoolean written = new AtomicBoolean();
        AtomicBoolean returned = new AtomicBoolean();
        try (ComputePool pool = new ComputePool(3)) {
            Throwable failure =
                    catchThrowable(
                            () ->
                                    pool.run(
                                            3,
                                            piece -> {
                                                Thread own = Thread.currentThread();
                                                boolean fails =
                                                        own.getName().equals("abmesh-compute-1");
                                                if (fails) {
                                                    failing.set(own);
                                                }
                                                arrive(3);
                                                if (fails) {
                                                    throw new IllegalArgumentException("testing");
                                                }
                                                await(() -> waits(failing.get())); // it has failed
                                                if (own != caller) {
                                                    await(() -> waits(caller) || returned.get());
                                                    written.set(true);
                                                }
                                            }));
            boolean all = written.get();
            returned.set(true);

            assertThat(all).as("the last thread was done").isTrue();
            assertThat(failure)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage(
                            "a compute thread failed: java.lang.IllegalArgumentException: testing")
                    .hasCauseInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void anErrorOfAnotherThreadIsThrownAsItIs() {
        OutOfMemoryError error = new OutOfMemoryError("testing");
        try (ComputePool pool = new ComputePool(2)) {
            Throwable failure =
                    catchThrowable(
                            () ->
                                    pool.run(
                                            2,
                                            piece -> {
                                                arrive(2);
                                                if (Thread.currentThread() != caller) {
                                                    throw error;
                                                }
                                            }));

            assertThat(failure).isSameAs(error);
        }
    }

    @Test
    void anInterruptIsToldOnceAllIsDone() {
        AtomicInteger done = new AtomicInteger();
        try (ComputePool pool = new ComputePool(2)) {
            caller.interrupt();
            pool.run(
                    2,
                    piece -> {
                        arrive(2);
                        done.incrementAndGet();
                    });
        }

        assertThat(Thread.interrupted()).isTrue();
        assertThat(done).hasValue(2);
    }

    /** Waits until so many threads have a piece each. */
    private void arrive(int threads) {
        arrived.incrementAndGet();
        await(() -> arrived.get() == threads);
    }

    private static boolean waits(Thread thread) {
        return thread.getState() == Thread.State.WAITING;
    }

    private static void await(BooleanSupplier condition) {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - end > 0) {
                throw new AssertionError("waited in vain for " + PATIENCE);
            }
            Thread.onSpinWait();
        }
    }
}
