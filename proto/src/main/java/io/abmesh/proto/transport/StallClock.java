package io.abmesh.proto.transport;

import java.time.Duration;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Measures how long a client keeps its call waiting. Its methods are called under the call's lock,
 * which it takes before it tells of a stall; a clock that was stopped or wound again in the
 * meantime tells nothing.
 */
public final class StallClock {
    private final ScheduledExecutorService timer;
    private final Duration timeout;
    private final Object lock;
    private final Runnable stalled;
    private @Nullable ScheduledFuture<?> running;
    private long turn;

    /**
     * Makes a clock that stands.
     *
     * @param timer borrowed
     * @param lock of the call
     * @param stalled runs under the lock, on the timer's thread
     */
    public StallClock(
            ScheduledExecutorService timer, Duration timeout, Object lock, Runnable stalled) {
        this.timer = timer;
        this.timeout = timeout;
        this.lock = lock;
        this.stalled = stalled;
    }

    /** Starts it anew. */
    public void wind() {
        stop();
        long mine = turn;
        try {
            running = timer.schedule(() -> ring(mine), timeout.toNanos(), TimeUnit.NANOSECONDS);
        } catch (RejectedExecutionException e) {
            running = null; // The process is stopping and cuts its calls itself.
        }
    }

    /** Lets it stand. */
    public void stop() {
        turn++;
        if (running != null) {
            running.cancel(false);
            running = null;
        }
    }

    private void ring(long of) {
        synchronized (lock) {
            if (of == turn) {
                stalled.run();
            }
        }
    }
}
