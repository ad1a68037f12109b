package io.abmesh.nn.loss;

/** Value and gradient of a loss by one sample of an output. */
@FunctionalInterface
public interface SampleLoss {
    /**
     * Called once per sample, from several threads at once.
     *
     * @param sample number in the micro-batch
     * @param value the output, {@code [positions, C]}; borrowed for the call
     * @param gradient that of the loss, factors applied, is added, {@code [positions, C]}
     * @return value of the loss, no factor applied
     */
    double add(int sample, float[] value, float[] gradient);
}
