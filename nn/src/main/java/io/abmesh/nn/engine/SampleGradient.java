package io.abmesh.nn.engine;

/** Computes a loss's gradient by one sample of an output. */
@FunctionalInterface
public interface SampleGradient {
    /**
     * Called once per sample, from several threads at once.
     *
     * @param sample number in the batch
     * @param value the output, {@code [positions, C]}; borrowed for the call
     * @param gradient to be filled, {@code [positions, C]}; zero at the start
     */
    void accept(int sample, float[] value, float[] gradient);
}
