package io.abmesh.student.session;

import java.util.concurrent.atomic.AtomicLong;

/**
 * Counts what a worker gets done, in pieces that are small beside the time that a coordinator waits
 * for one, so that it can tell a worker that is slow from one that hangs. Thread-safe.
 */
public final class WorkProgress {
    private final AtomicLong pieces = new AtomicLong();

    /** One more is done: a micro-batch, a batch of an evaluation, a file, a part of an upload. */
    public void pieceDone() {
        pieces.incrementAndGet();
    }

    /** Returns the pieces since the process began. */
    public long count() {
        return pieces.get();
    }
}
