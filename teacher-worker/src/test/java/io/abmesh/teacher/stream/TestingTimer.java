package io.abmesh.teacher.stream;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/** A timer whose time passes when the test says so. */
final class TestingTimer extends ScheduledThreadPoolExecutor {
    private final Semaphore begun = new Semaphore(0);

    TestingTimer() {
        super(1);
        setRemoveOnCancelPolicy(true);
    }

    @Override
    public ScheduledFuture<?> schedule(Runnable task, long delay, TimeUnit unit) {
        ScheduledFuture<?> waiting = super.schedule(task, 1, TimeUnit.DAYS);
        begun.release();
        return waiting;
    }

    /** Waits until something more waits for its time. */
    void awaitBegin() throws InterruptedException {
        assertThat(begun.tryAcquire(60, TimeUnit.SECONDS)).as("a wait within a minute").isTrue();
    }

    /** Runs what waits for its time; returns how much did. */
    int pass() {
        List<Runnable> due = List.copyOf(getQueue());
        due.forEach(Runnable::run);
        return due.size();
    }
}
