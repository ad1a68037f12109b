package io.abmesh.student.exchange;

import io.abmesh.nn.training.MicroOutcome;

/** What a micro-batch measured. Immutable but for its array, which nobody writes. */
public final class MeasuredMicroBatch {
    private final int index;
    private final MicroOutcome outcome;
    private final float[] statistics;

    /**
     * Keeps it.
     *
     * @param index of the micro-batch in its step
     * @param outcome loss and agreement
     * @param statistics of its batch norms, at the places of the running ones; taken
     */
    public MeasuredMicroBatch(int index, MicroOutcome outcome, float[] statistics) {
        this.index = index;
        this.outcome = outcome;
        this.statistics = statistics;
    }

    /** Returns the place of the micro-batch in its step. */
    public int index() {
        return index;
    }

    /** Returns loss and agreement. */
    public MicroOutcome outcome() {
        return outcome;
    }

    /** Returns what its batch norms found; borrowed. */
    public float[] statistics() {
        return statistics;
    }
}
