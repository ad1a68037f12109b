package io.abmesh.student.fetch;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.frame.Tensor;
import io.abmesh.proto.log.LogContext;
import io.abmesh.proto.v1.BatchReference;
import io.grpc.Context;
import io.grpc.Context.CancellableContext;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A micro-batch on its way. One consumer awaits it, reads its tensors and releases it; others may
 * tell it a new address or abandon it. Its tensors lie in memory that is used again after {@link
 * #release}.
 */
public final class PendingBatch {
    /** What a pending batch is doing. */
    private enum State {
        /** Waits for its memory, or between two attempts, or is being fetched. */
        COMING,
        /** Its tensors are there; nobody reads them yet. */
        ARRIVED,
        /** Its consumer reads the tensors. */
        IN_USE,
        /** It cannot be had. Terminal. */
        FAILED,
        /** Released or abandoned. Terminal. */
        OVER
    }

    /** One try to fetch, at one reference. */
    record Attempt(
            BatchReference reference,
            long epoch,
            TensorSlab slab,
            CancellableContext context,
            int replacements) {}

    private final BatchPrefetcher owner;

    /**
     * The prefetcher's own, under which every field below changes; package-private methods hold it.
     */
    private final ReentrantLock lock;

    private final TensorNeeds needs;
    private final int sampleCount;
    private final LogContext context = LogContext.current();
    private State state = State.COMING;
    private BatchReference reference;
    private long epoch;
    private int replacements;
    private @Nullable TensorSlab slab;
    private @Nullable CancellableContext fetching;
    private @Nullable ScheduledFuture<?> next;
    private Map<String, Tensor> tensors = Map.of();
    private @Nullable MeshException failure;
    private long failingSince;
    private boolean failing;
    private Duration delay = BatchPrefetcher.FIRST_DELAY;

    PendingBatch(BatchPrefetcher owner, BatchReference reference, long epoch, TensorNeeds needs) {
        this.owner = owner;
        this.lock = owner.lock;
        this.reference = reference;
        this.epoch = epoch;
        this.needs = needs;
        this.sampleCount = reference.getSampleCount();
    }

    /** Samples of the batch. */
    public int sampleCount() {
        return sampleCount;
    }

    /**
     * Waits for the tensors, which then belong to the caller until it calls {@link #release}.
     *
     * @return tensors by name; their bytes are direct memory
     * @throws MeshException BATCH_UNAVAILABLE if every attempt failed until the batch timeout;
     *     CANCELLED if the batch was abandoned; whatever else is wrong with the batch
     * @throws InterruptedException if the thread is interrupted while it waits
     */
    public Map<String, Tensor> await() throws InterruptedException {
        lock.lockInterruptibly();
        try {
            while (state == State.COMING) {
                owner.changed.await();
            }
            if (failure != null) {
                throw failure;
            }
            if (state != State.ARRIVED) {
                throw new MeshException(
                        ErrorReason.CANCELLED,
                        "batch was abandoned: batch=" + reference.getBatchId(),
                        Map.of("batch", reference.getBatchId()));
            }
            state = State.IN_USE;
            return tensors;
        } finally {
            lock.unlock();
        }
    }

    /** Lets the tensors go; their memory serves the next batch. Does nothing the second time. */
    public void release() {
        end();
    }

    /**
     * Gives the batch up, unless its consumer is reading it; a consumer that waits gets CANCELLED.
     * For threads other than the consumer's.
     */
    public void abandon() {
        lock.lock();
        try {
            if (state != State.IN_USE) {
                end();
            }
        } finally {
            lock.unlock();
        }
    }

    /**
     * Tells where the same batch is now. An attempt under way is broken off and repeated there; a
     * batch that has arrived stays, since its content is the same.
     */
    public void replace(BatchReference newer, long newerEpoch) {
        lock.lock();
        try {
            if (state != State.COMING) {
                return;
            }
            reference = newer;
            epoch = newerEpoch;
            replacements++;
            failing = false;
            delay = BatchPrefetcher.FIRST_DELAY;
            if (fetching != null) {
                fetching.cancel(null);
            } else if (next != null && next.cancel(false)) {
                owner.schedule(this, Duration.ZERO);
            }
        } finally {
            lock.unlock();
        }
    }

    private void end() {
        lock.lock();
        try {
            if (state == State.OVER) {
                return;
            }
            state = State.OVER;
            tensors = Map.of();
            if (fetching != null) {
                // The attempt gives the memory back when it has ended.
                fetching.cancel(null);
            } else {
                if (next != null) {
                    next.cancel(false);
                }
                giveMemoryBack();
            }
            owner.changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** What the thread worked for that took the batch on. */
    LogContext context() {
        return context;
    }

    TensorNeeds needs() {
        return needs;
    }

    long slabBytes() {
        return needs.slabBytes(sampleCount);
    }

    boolean over() {
        return state == State.OVER || state == State.FAILED;
    }

    void admitted(TensorSlab memory) {
        slab = memory;
    }

    void scheduled(ScheduledFuture<?> attempt) {
        next = attempt;
    }

    Optional<Attempt> beginAttempt() {
        TensorSlab memory = slab;
        next = null;
        if (state != State.COMING || memory == null) {
            return Optional.empty();
        }
        CancellableContext context = Context.ROOT.withCancellation();
        fetching = context;
        return Optional.of(new Attempt(reference, epoch, memory, context, replacements));
    }

    /** Says that the attempt failed; returns true if nobody wants the batch any more. */
    boolean endAttempt() {
        fetching = null;
        if (state == State.OVER) {
            giveMemoryBack();
            return true;
        }
        return false;
    }

    boolean replacedSince(Attempt attempt) {
        return attempt.replacements() != replacements;
    }

    void arrived(Map<String, Tensor> found) {
        if (!endAttempt()) {
            tensors = found;
            state = State.ARRIVED;
            owner.changed.signalAll();
        }
    }

    void failed(MeshException why) {
        failure = why;
        state = State.FAILED;
        giveMemoryBack();
        owner.changed.signalAll();
    }

    /** Time since the first failure in a row, in nanoseconds; 0 at the first. */
    long failingNanos(long now) {
        if (!failing) {
            failing = true;
            failingSince = now;
        }
        return now - failingSince;
    }

    Duration nextDelay() {
        Duration now = delay;
        Duration doubled = delay.multipliedBy(2);
        delay =
                doubled.compareTo(BatchPrefetcher.MAX_DELAY) < 0
                        ? doubled
                        : BatchPrefetcher.MAX_DELAY;
        return now;
    }

    private void giveMemoryBack() {
        TensorSlab memory = slab;
        if (memory != null) {
            slab = null;
            owner.giveBack(memory);
        }
    }
}
