package io.abmesh.nn.loss;

import static io.abmesh.nn.loss.LossParameters.requirePositive;

import io.abmesh.nn.network.FeatureShape;
import java.util.List;

/**
 * Distance of the student's responses, behind the connector, from the teacher's.
 *
 * <p>Per neuron, with {@code d = f(s) - f(t)}: {@code d * d}, with gradient {@code 2 d f'(s)}, or
 * {@code |d|}, with gradient {@code sign(d) f'(s)}; {@code f} is the ReLU or nothing, {@code f'(0)
 * = 0} and {@code sign(0) = 0}, as in PyTorch.
 *
 * @param weight factor of the term
 * @param norm how a difference counts
 * @param rectified compare behind a ReLU
 * @param scale factor of the mean, positive
 * @param taps their numbers, from 0 for the first, ascending; empty: all
 * @see <a href="https://arxiv.org/abs/1412.6550">Romero et al., FitNets, equation 3</a>
 */
public record DistanceLoss(
        double weight, Norm norm, boolean rectified, double scale, List<Integer> taps)
        implements TapLoss {
    /** How a difference {@code d} counts. */
    public enum Norm {
        /** {@code |d|}. */
        L1,
        /** {@code d * d}. */
        L2
    }

    public DistanceLoss {
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
        return new LossPart(
                output,
                factor,
                (sample, value, gradient) -> {
                    float[] wanted = Workspace.ofThread().responses(shape.elements());
                    teacher.values(sample, shape, wanted);
                    batch.agreeing(tap, sample, NeuronArithmetic.agreeing(value, wanted));
                    return sample(value, wanted, (float) factor, gradient);
                });
    }

    /**
     * Returns the sum over the neurons of a sample, before any factor.
     *
     * @param response student, {@code [H * W, C]}; borrowed
     * @param teacher {@code [H * W, C]}; borrowed
     * @param gradient {@code factor} times the gradient is added
     */
    double sample(float[] response, float[] teacher, float factor, float[] gradient) {
        float low = rectified ? 0f : Float.NEGATIVE_INFINITY;
        float[] difference = Workspace.ofThread().differences(response.length);
        differences(response, teacher, low, difference);
        if (norm == Norm.L2) {
            squareSlopes(response, difference, low, 2 * factor, gradient);
            return NeuronArithmetic.squares(difference);
        }
        sizeSlopes(response, difference, low, factor, gradient);
        return NeuronArithmetic.sizes(difference);
    }

    private static void differences(
            float[] response, float[] teacher, float low, float[] difference) {
        for (int i = 0; i < difference.length; i++) {
            // max, unlike a comparison, hands on what is not a number
            difference[i] = Math.max(response[i], low) - Math.max(teacher[i], low);
        }
    }

    private static void squareSlopes(
            float[] response, float[] difference, float low, float slope, float[] gradient) {
        for (int i = 0; i < difference.length; i++) {
            gradient[i] += slope * difference[i] * passes(response[i], low);
        }
    }

    private static void sizeSlopes(
            float[] response, float[] difference, float low, float slope, float[] gradient) {
        for (int i = 0; i < difference.length; i++) {
            gradient[i] += slope * NeuronArithmetic.sign(difference[i]) * passes(response[i], low);
        }
    }

    /** Returns 1 where a change of the response is one of the loss, 0 elsewhere. */
    private static float passes(float response, float low) {
        return NeuronArithmetic.positive(Math.max(response - low, 0f));
    }
}
