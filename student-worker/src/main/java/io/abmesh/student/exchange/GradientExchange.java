package io.abmesh.student.exchange;

import io.abmesh.nn.training.ReductionTree.Subtree;

/**
 * Brings together what the students of an epoch computed of a step. One thread, the compute thread;
 * a step is {@link #begin}, one {@link #measured} per own micro-batch and one {@link #summed} per
 * sum that covers them, then {@link #finish}.
 */
public interface GradientExchange extends AutoCloseable {
    /** Begins a step, a later one than before. */
    void begin(long step);

    /** Gives what an own micro-batch measured to all; the next one in order. */
    void measured(MeasuredMicroBatch microBatch);

    /**
     * Gives a sum of own gradients to whom it concerns, in the order of the micro-batches. Returns
     * at once: the exchange of it overlaps the computation of the next.
     *
     * @param gradient whole; borrowed, and unchanged, until {@link #finish} returns
     */
    void summed(Subtree part, float[] gradient);

    /**
     * Waits for the step's total.
     *
     * @throws io.abmesh.proto.error.MeshException CANCELLED if the epoch is over; the reason for
     *     which a peer's part cannot be had, in which case the step was not applied anywhere
     *     without all of them
     * @throws InterruptedException if the thread is interrupted while it waits
     */
    StepTotal finish() throws InterruptedException;

    /** Leaves the epoch. */
    @Override
    void close();
}
