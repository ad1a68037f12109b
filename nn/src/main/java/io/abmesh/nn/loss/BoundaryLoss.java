package io.abmesh.nn.loss;

import static io.abmesh.nn.loss.LossParameters.requirePositive;

import io.abmesh.nn.network.FeatureShape;
import java.util.List;

/**
 * Penalises student responses that lie on the wrong side of the teacher's activation boundary, or
 * inside the margin.
 *
 * <p>Per neuron, with student response {@code s}, teacher response {@code t} and margin {@code m}:
 * {@code d = t > 0 ? m - s : m + s}; the loss is {@code d * d} where {@code d > 0} and 0 elsewhere;
 * its gradient by {@code s} is {@code -2 d} where {@code t > 0} and {@code +2 d} elsewhere. Only
 * the sign of {@code t} matters, so the teacher sends one bit per neuron. A response that is not a
 * number makes the loss one too.
 *
 * @param weight factor of the term
 * @param margin positive
 * @param reduction how neurons and taps add up
 * @param scale factor of {@link Reduction#MEAN}, positive
 * @param taps their numbers, from 0 for the first, ascending; empty: all
 * @see <a href="https://arxiv.org/abs/1811.03233">Heo et al., AAAI 2019, equation 4</a>
 */
public record BoundaryLoss(
        double weight, double margin, Reduction reduction, double scale, List<Integer> taps)
        implements TapLoss {
    public BoundaryLoss {
        requirePositive("margin", margin);
        taps = List.copyOf(taps);
    }

    /** Makes the loss at every tap. */
    public BoundaryLoss(double weight, double margin, Reduction reduction, double scale) {
        this(weight, margin, reduction, scale, List.of());
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
        double factor =
                weight
                        * reduction.factor(
                                tap,
                                batch.taps(),
                                batch.samples(),
                                shape.elements(),
                                batch.imageSide(),
                                scale);
        return new LossPart(
                output,
                factor,
                (sample, value, gradient) -> {
                    Sample found = sample(value, teacher, sample, shape, (float) factor, gradient);
                    batch.agreeing(tap, sample, found.agreeing());
                    return found.loss();
                });
    }

    /**
     * What one sample contributes.
     *
     * @param loss sum over neurons, before any factor
     * @param agreeing neurons with {@code (s > 0) == (t > 0)}
     */
    record Sample(double loss, long agreeing) {}

    /**
     * Computes loss, agreement and gradient of one sample in one pass.
     *
     * @param response student, behind the connector, {@code [H * W, C]}; borrowed
     * @param teacher its responses, in any encoding
     * @param sample number of the sample in {@code teacher}
     * @param shape {@code [C, H, W]}
     * @param factor of the gradient
     * @param gradient {@code factor} times the gradient is added, {@code [H * W, C]}
     */
    Sample sample(
            float[] response,
            TeacherResponses teacher,
            int sample,
            FeatureShape shape,
            float factor,
            float[] gradient) {
        float[] side = sides(teacher, sample, shape);
        float[] distance = Workspace.ofThread().differences(response.length);
        distances(response, side, (float) margin, distance);
        slopes(side, distance, 2 * factor, gradient);
        return new Sample(NeuronArithmetic.squares(distance), agreeing(response, side));
    }

    private static void distances(float[] response, float[] side, float margin, float[] distance) {
        for (int i = 0; i < distance.length; i++) {
            // max, unlike a comparison, hands on what is not a number
            distance[i] = Math.max(margin + side[i] * response[i], 0f);
        }
    }

    private static void slopes(float[] side, float[] distance, float slope, float[] gradient) {
        for (int i = 0; i < distance.length; i++) {
            gradient[i] += slope * side[i] * distance[i];
        }
    }

    /** Returns how many neurons of a sample are on the teacher's side, without any gradient. */
    public static int agreeing(
            float[] response, TeacherResponses teacher, int sample, FeatureShape shape) {
        return agreeing(response, sides(teacher, sample, shape));
    }

    private static float[] sides(TeacherResponses teacher, int sample, FeatureShape shape) {
        float[] sides = Workspace.ofThread().responses(shape.elements());
        teacher.sides(sample, shape, sides);
        return sides;
    }

    /** A side is -1 where the teacher fires. */
    private static int agreeing(float[] response, float[] side) {
        return response.length - NeuronArithmetic.agreeing(response, side);
    }
}
