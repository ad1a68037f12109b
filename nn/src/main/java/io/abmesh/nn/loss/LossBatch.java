package io.abmesh.nn.loss;

import io.abmesh.nn.network.FeatureShape;

/** What a loss sees of a micro-batch behind the student's forward pass. Thread-safe. */
public interface LossBatch {
    /** Returns the number of samples, N. */
    int samples();

    /** Returns the number of taps of the run. */
    int taps();

    /** Returns the larger side of an image. */
    int imageSide();

    /** Returns the shape of a sample's responses at the teacher's tap. */
    FeatureShape shape(int tap);

    /**
     * Returns the teacher's responses at a tap, {@code [N, C, H, W]}; borrowed.
     *
     * @throws IllegalArgumentException if the micro-batch has none, or not of this shape
     */
    TeacherResponses teacher(int tap);

    /**
     * Returns some of the teacher's logits, which are {@code [N, classes]}.
     *
     * @param from number of the first
     * @throws IllegalArgumentException if the micro-batch has none
     */
    float[] teacherLogits(int from, int count);

    /**
     * Returns the label of a sample, in {@code [0, classes)}.
     *
     * @throws IllegalArgumentException if the micro-batch has none
     */
    int label(int sample);

    /** Returns a copy of an output of the student, {@code [N, H * W, C]}. */
    float[] student(StudentOutput output);

    /**
     * Takes note of how many neurons of a sample are on the teacher's side at a tap; where no loss
     * says it, they are counted apart.
     */
    void agreeing(int tap, int sample, long neurons);

    /** Returns the factor of one neuron's term in {@code scale} times a mean over a tap. */
    default double mean(double scale, int tap) {
        return Reduction.MEAN.factor(tap, taps(), samples(), shape(tap).elements(), 0, scale);
    }
}
