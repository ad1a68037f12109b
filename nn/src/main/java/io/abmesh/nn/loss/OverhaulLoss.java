package io.abmesh.nn.loss;

import static io.abmesh.nn.loss.LossParameters.requirePositive;

import io.abmesh.nn.network.FeatureShape;
import java.util.List;

/**
 * Partial distance of the student's responses, behind the connector, from the teacher's behind a
 * margin ReLU.
 *
 * <p>Per neuron of channel {@code c}, with {@code u = max(t, m_c)}: {@code (s - u)^2}, and 0 where
 * {@code s <= u <= 0}, since there a student that answers less does as well. The margin {@code m_c}
 * is what the teacher's negative responses of the channel are expected to be, so not positive.
 *
 * <p>Differs: the authors' script derives the margin from scale and shift of the batch norm in
 * front of the tap. A teacher need not have one there (a residual sum), so the margin is what the
 * paper names first: the mean of the negative responses, here of the micro-batch, in the way in
 * which batch norm's statistics are of the micro-batch. {@code
 * OverhaulLossTest.marginIsThatOfTheBatchNormForNormalResponses} holds the two against each other.
 *
 * @param weight factor of the term
 * @param scale factor of the mean, positive
 * @param taps their numbers, from 0 for the first, ascending; empty: all
 * @see <a href="https://arxiv.org/abs/1904.01866">Heo et al., A Comprehensive Overhaul of Feature
 *     Distillation, equations 2 to 4</a>
 */
public record OverhaulLoss(double weight, double scale, List<Integer> taps) implements TapLoss {
    public OverhaulLoss {
        requirePositive("scale", scale);
        taps = List.copyOf(taps);
    }

    @Override
    public boolean comparesNeurons() {
        return true;
    }

    @Override
    public LossPart part(LossBatch batch, StudentOutput output) {
        int tap = output.tap();
        FeatureShape shape = batch.shape(tap);
        TeacherResponses teacher = batch.teacher(tap);
        double factor = weight * batch.mean(scale, tap);
        float[] margins = everywhere(margins(teacher, batch.samples(), shape), shape.positions());
        return new LossPart(
                output,
                factor,
                (sample, value, gradient) -> {
                    float[] wanted = Workspace.ofThread().responses(shape.elements());
                    teacher.values(sample, shape, wanted);
                    batch.agreeing(tap, sample, NeuronArithmetic.agreeing(value, wanted));
                    return sample(value, wanted, margins, (float) factor, gradient);
                });
    }

    /**
     * Returns the margin of each channel: the mean of its negative responses, 0 without any.
     *
     * @param teacher with values
     * @param samples N
     */
    static float[] margins(TeacherResponses teacher, int samples, FeatureShape shape) {
        int channels = shape.channels();
        double[] sums = new double[channels];
        long[] counts = new long[channels];
        for (int sample = 0; sample < samples; sample++) {
            float[] rows = teacher.rows(sample, shape);
            for (int c = 0; c < channels; c++) {
                addNegatives(rows, c, shape.positions(), sums, counts);
            }
        }
        float[] margins = new float[channels];
        for (int c = 0; c < channels; c++) {
            margins[c] = counts[c] == 0 ? 0 : (float) (sums[c] / counts[c]);
        }
        return margins;
    }

    /** Adds the negative responses of a channel, and their number; two at a time, side by side. */
    private static void addNegatives(
            float[] rows, int channel, int positions, double[] sums, long[] counts) {
        double even = 0;
        double odd = 0;
        int count = 0;
        int p = channel * positions;
        int end = p + positions;
        for (; p + 2 <= end; p += 2) {
            float one = negative(rows[p]);
            float other = negative(rows[p + 1]);
            even += one;
            odd += other;
            count +=
                    (Float.floatToRawIntBits(one) >>> 31) + (Float.floatToRawIntBits(other) >>> 31);
        }
        if (p < end) {
            float last = negative(rows[p]);
            even += last;
            count += Float.floatToRawIntBits(last) >>> 31;
        }
        sums[channel] += even + odd;
        counts[channel] += count;
    }

    /** Returns what is less than zero, else 0, whose sign is not set. */
    private static float negative(float response) {
        return Math.min(response, 0f) + 0f;
    }

    /** Returns what holds for each channel, {@code [C]}, at every position. */
    private static float[] everywhere(float[] ofChannel, int positions) {
        float[] wide = new float[positions * ofChannel.length];
        for (int from = 0; from < wide.length; from += ofChannel.length) {
            System.arraycopy(ofChannel, 0, wide, from, ofChannel.length);
        }
        return wide;
    }

    /**
     * Returns the sum over the neurons of a sample, before any factor.
     *
     * @param response student, {@code [H * W, C]}; borrowed
     * @param teacher {@code [H * W, C]}; borrowed
     * @param margins {@code [H * W, C]}
     * @param gradient {@code factor} times the gradient is added
     */
    static double sample(
            float[] response, float[] teacher, float[] margins, float factor, float[] gradient) {
        float[] distance = Workspace.ofThread().differences(response.length);
        for (int i = 0; i < distance.length; i++) {
            distance[i] = Math.max(teacher[i], margins[i]);
        }
        fromTargets(response, distance);
        for (int i = 0; i < distance.length; i++) {
            gradient[i] += 2 * factor * distance[i];
        }
        return NeuronArithmetic.squares(distance);
    }

    /** Below a target that is not positive, nothing is missing. */
    private static void fromTargets(float[] response, float[] targets) {
        for (int i = 0; i < targets.length; i++) {
            targets[i] =
                    Math.max(
                            response[i] - targets[i],
                            NeuronArithmetic.lowWherePositive(targets[i]));
        }
    }
}
