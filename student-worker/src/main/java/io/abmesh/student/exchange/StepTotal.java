package io.abmesh.student.exchange;

import java.util.List;

/** A step, wherever it was computed. */
public final class StepTotal {
    private final float[] gradient;
    private final List<MeasuredMicroBatch> microBatches;

    StepTotal(float[] gradient, List<MeasuredMicroBatch> microBatches) {
        this.gradient = gradient;
        this.microBatches = List.copyOf(microBatches);
    }

    /** Returns the gradient of all micro-batches; borrowed until the next step begins. */
    public float[] gradient() {
        return gradient;
    }

    /** Returns what the micro-batches of all students measured, in order. */
    public List<MeasuredMicroBatch> microBatches() {
        return microBatches;
    }
}
