package io.abmesh.student.exchange;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.ExchangeRequest;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * What the others of an epoch send, for the step in hand and the one after: a peer that has the
 * step's total goes on, and can go no further without a part that is still to come from here.
 * Thread-safe.
 */
final class EpochInbox {
    private final int gradientLength;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();

    @GuardedBy("lock")
    private StepBox current;

    @GuardedBy("lock")
    private StepBox ahead;

    /** What the compute thread waits for; null if it computes. */
    @GuardedBy("lock")
    private @Nullable Predicate<StepBox> wanted;

    @GuardedBy("lock")
    private @Nullable MeshException failure;

    /** Members that send nothing more, and why. */
    @GuardedBy("lock")
    private final Map<Integer, MeshException> gone = new TreeMap<>();

    EpochInbox(Roster roster, int gradientLength, int statisticsLength) {
        this.gradientLength = gradientLength;
        this.current = new StepBox(roster, gradientLength, statisticsLength);
        this.ahead = new StepBox(roster, gradientLength, statisticsLength);
    }

    int gradientLength() {
        return gradientLength;
    }

    /** Goes on to a later step. */
    void begin(long step) {
        lock.lock();
        try {
            StepBox before = current;
            if (ahead.step() == step) {
                current = ahead;
                ahead = before;
                ahead.reset(StepBox.NONE);
            } else {
                current.reset(step);
            }
        } finally {
            lock.unlock();
        }
    }

    /**
     * Takes a message of a peer.
     *
     * @throws MeshException as of {@link StepBox}; FRAME_OUT_OF_ORDER if it is of a step before the
     *     one in hand, or of a third; STREAM_PROTOCOL if it is none that may come here; the inbox
     *     has failed then
     */
    void accept(int from, ExchangeRequest message) {
        try {
            if (message.hasGradient()) {
                ExchangeFrames.requireIntact(
                        message.getGradient().getPayload(), message.getGradient().getCrc32C());
            }
            lock.lock();
            try {
                if (message.hasGradient()) {
                    box(message.getGradient().getStep()).add(from, message.getGradient());
                } else if (message.hasReport()) {
                    box(message.getReport().getStep()).add(from, message.getReport());
                } else {
                    throw new MeshException(
                            ErrorReason.STREAM_PROTOCOL,
                            "students exchange sums and reports: found="
                                    + message.getMessageCase());
                }
                // One thread waits, and for the last of many messages: it sleeps through the
                // others.
                if (wanted != null && wanted.test(current)) {
                    changed.signal();
                }
            } finally {
                lock.unlock();
            }
        } catch (MeshException e) {
            fail(e);
            throw e;
        }
    }

    @GuardedBy("lock")
    private StepBox box(long step) {
        if (step == current.step()) {
            return current;
        }
        if (step > current.step()) {
            if (ahead.step() == StepBox.NONE) {
                ahead.reset(step);
            }
            if (ahead.step() == step) {
                return ahead;
            }
        }
        throw new MeshException(
                ErrorReason.FRAME_OUT_OF_ORDER,
                "message is of another step: found="
                        + step
                        + ", expected="
                        + current.step()
                        + " or the one after");
    }

    void addOwn(MeasuredMicroBatch measured) {
        lock.lock();
        try {
            current.add(measured);
        } finally {
            lock.unlock();
        }
    }

    void addOwnTotal(float[] slice) {
        lock.lock();
        try {
            current.addTotal(slice);
        } finally {
            lock.unlock();
        }
    }

    /**
     * Says why nothing more will come from a member, which matters once something of it is missing;
     * the first reason counts.
     */
    void lost(int member, MeshException reason) {
        lock.lock();
        try {
            if (gone.putIfAbsent(member, reason) == null) {
                changed.signal();
            }
        } finally {
            lock.unlock();
        }
    }

    /** Says why nothing more will come from anybody; the first reason counts. */
    void fail(MeshException reason) {
        lock.lock();
        try {
            if (failure == null) {
                failure = reason;
                changed.signal();
            }
        } finally {
            lock.unlock();
        }
    }

    /**
     * Waits until the box of the step in hand is as wanted. For one thread, the one that begins
     * steps.
     *
     * @throws MeshException the reason of {@link #fail} or {@link #lost}; DEADLINE_EXCEEDED
     */
    StepBox await(Predicate<StepBox> until, Duration timeout) throws InterruptedException {
        lock.lockInterruptibly();
        try {
            wanted = until;
            try {
                return awaitHolding(until, timeout);
            } finally {
                wanted = null;
            }
        } finally {
            lock.unlock();
        }
    }

    @GuardedBy("lock")
    private StepBox awaitHolding(Predicate<StepBox> until, Duration timeout)
            throws InterruptedException {
        long left = timeout.toNanos();
        while (!until.test(current)) {
            requireComing();
            if (left <= 0) {
                throw new MeshException(
                        ErrorReason.DEADLINE_EXCEEDED,
                        "another student's part of step "
                                + current.step()
                                + " does not come: waited="
                                + timeout,
                        Map.of("step", Long.toString(current.step())));
            }
            left = changed.awaitNanos(left);
        }
        return current;
    }

    @GuardedBy("lock")
    private void requireComing() {
        if (failure != null) {
            throw failure;
        }
        gone.forEach(
                (member, reason) -> {
                    if (current.misses(member)) {
                        throw reason;
                    }
                });
    }
}
