package io.abmesh.coordinator.batch;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Bytes for batches that are rendered and not yet written, shared by the runs that stream: each may
 * take an equal part, so that a run whose peers do not read holds up no other. A run that has
 * nothing may take one batch of any size, and so goes on.
 *
 * <p>When one run more streams, parts become smaller; what was taken before stays until it is given
 * back. So the sum is at most the whole, one batch of each run and what is left of larger parts.
 * Thread-safe.
 */
public final class BatchMemory {
    private final long bytes;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();

    @GuardedBy("lock")
    private final Set<String> streaming = new HashSet<>();

    @GuardedBy("lock")
    private final Map<String, Long> taken = new HashMap<>();

    /**
     * Makes memory of which nothing is taken.
     *
     * @param bytes for all runs; positive
     */
    public BatchMemory(long bytes) {
        if (bytes < 1) {
            throw new IllegalArgumentException("memory for batches is not positive: " + bytes);
        }
        this.bytes = bytes;
    }

    /** A run streams from now on; one that does already gets no second part. */
    void begin(String runId) {
        lock.lock();
        try {
            streaming.add(runId);
        } finally {
            lock.unlock();
        }
    }

    /** A run streams no longer; the others have its part. */
    void end(String runId) {
        lock.lock();
        try {
            streaming.remove(runId);
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Takes memory for a batch; waits until the run's part has room. For a thread of the run's own.
     */
    public void take(String runId, long batchBytes) throws InterruptedException {
        lock.lockInterruptibly();
        try {
            while (!room(runId, batchBytes)) {
                changed.await();
            }
            taken.merge(runId, batchBytes, Long::sum);
        } finally {
            lock.unlock();
        }
    }

    /** Takes memory for a batch, if the run's part has room now. */
    boolean tryTake(String runId, long batchBytes) {
        lock.lock();
        try {
            boolean room = room(runId, batchBytes);
            if (room) {
                taken.merge(runId, batchBytes, Long::sum);
            }
            return room;
        } finally {
            lock.unlock();
        }
    }

    /** Gives back what was taken for a batch. */
    public void give(String runId, long batchBytes) {
        lock.lock();
        try {
            taken.computeIfPresent(
                    runId,
                    (run, held) -> held > batchBytes ? Long.valueOf(held - batchBytes) : null);
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    @GuardedBy("lock")
    private boolean room(String runId, long batchBytes) {
        long held = taken.getOrDefault(runId, 0L);
        return held == 0 || held + batchBytes <= bytes / Math.max(1, streaming.size());
    }
}
