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
        int neurons = response.length;
        float[] side = teacher.sides(sample, shape);
        double loss = 0;
        long agreeing = 0;
        for (int from = 0; from < neurons; from += CHUNK) {
            int to = Math.min(neurons, from + CHUNK);
            loss += hinge(response, side, from, to, (float) margin, 2 * factor, gradient);
            agreeing += agreeing(response, side, from, to);
        }
        return new Sample(loss, agreeing);
    }

    /**
     * Neurons whose squares are added in {@code float} before the sum goes on in {@code double}.
     */
    private static final int CHUNK = 512;

    private static final int LANES = 16;

    private static float hinge(
            float[] response,
            float[] side,
            int from,
            int to,
            float margin,
            float slope,
            float[] gradient) {
        float[] sums = new float[LANES];
        int i = from;
        for (; i + LANES <= to; i += LANES) {
            for (int lane = 0; lane < LANES; lane++) {
                // max, unlike a comparison, hands on what is not a number
                float d = Math.max(margin + side[i + lane] * response[i + lane], 0f);
                sums[lane] += d * d;
                gradient[i + lane] += slope * side[i + lane] * d;
            }
        }
        for (; i < to; i++) {
            float d = Math.max(margin + side[i] * response[i], 0f);
            sums[0] += d * d;
            gradient[i] += slope * side[i] * d;
        }
        float total = 0;
        for (float sum : sums) {
            total += sum;
        }
        return total;
    }

    /** Returns how many neurons of a sample are on the teacher's side, without any gradient. */
    public static int agreeing(
            float[] response, TeacherResponses teacher, int sample, FeatureShape shape) {
        float[] side = teacher.sides(sample, shape);
        return agreeing(response, side, 0, response.length);
    }

    private static int agreeing(float[] response, float[] side, int from, int to) {
        int count = 0;
        for (int i = from; i < to; i++) {
            count += (response[i] > 0f) == (side[i] < 0f) ? 1 : 0;
        }
        return count;
    }
}
