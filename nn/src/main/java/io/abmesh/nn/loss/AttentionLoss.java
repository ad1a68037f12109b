package io.abmesh.nn.loss;

import static io.abmesh.nn.loss.LossParameters.requirePositive;

import io.abmesh.nn.network.FeatureShape;
import java.util.List;

/**
 * Distance of attention maps: of where a network responds, whatever in which channels. Reads the
 * student's tap itself, without a connector.
 *
 * <p>With {@code a_p = sum over channels of f(x)^2} at position {@code p} and {@code q = a / |a|}:
 * the mean over positions of {@code (q_s - q_t)^2}. {@code f} is the ReLU or nothing. The sum
 * stands for the authors' mean, which the length cancels; as there, a length below {@value #LENGTH}
 * counts as that.
 *
 * @param weight factor of the term
 * @param rectified attend to what comes behind a ReLU
 * @param scale factor of the mean over positions, positive
 * @param taps their numbers, from 0 for the first, ascending; empty: all
 * @see <a href="https://arxiv.org/abs/1612.03928">Zagoruyko and Komodakis, Paying More Attention to
 *     Attention, equation 2, with p = 2</a>
 */
public record AttentionLoss(double weight, boolean rectified, double scale, List<Integer> taps)
        implements TapLoss {
    private static final double LENGTH = 1e-12;

    public AttentionLoss {
        requirePositive("scale", scale);
        taps = List.copyOf(taps);
    }

    @Override
    public StudentOutput.Kind output() {
        return StudentOutput.Kind.TAP;
    }

    @Override
    public LossPart part(LossBatch batch, StudentOutput output) {
        FeatureShape shape = batch.shape(output.tap());
        TeacherResponses teacher = batch.teacher(output.tap());
        double factor = weight * scale / batch.samples();
        return new LossPart(
                output,
                factor,
                (sample, value, gradient) -> {
                    float[] wanted = Workspace.ofThread().responses(shape.elements());
                    teacher.values(sample, shape, wanted);
                    return sample(value, wanted, shape.positions(), factor, gradient);
                });
    }

    /**
     * Returns the loss of a sample, before any factor.
     *
     * @param response student's tap, {@code [H * W, C]}; borrowed
     * @param teacher {@code [H * W, D]}, whatever D; borrowed
     * @param positions {@code H * W}
     * @param gradient {@code factor} times the gradient is added, {@code [H * W, C]}
     */
    double sample(
            float[] response, float[] teacher, int positions, double factor, float[] gradient) {
        double[] student = energies(response, positions);
        double length = length(student);
        double[] wanted = energies(teacher, positions);
        double wantedLength = length(wanted);
        double loss = 0;
        double[] slope = new double[positions]; // of the loss by q
        double along = 0;
        for (int p = 0; p < positions; p++) {
            double q = student[p] / length;
            double d = q - wanted[p] / wantedLength;
            loss += d * d / positions;
            slope[p] = 2 * d / positions;
            along += slope[p] * q;
        }
        int channels = response.length / positions;
        for (int p = 0; p < positions; p++) {
            double byEnergy = (slope[p] - along * student[p] / length) / length;
            float twice = (float) (factor * byEnergy * 2);
            for (int i = p * channels; i < (p + 1) * channels; i++) {
                gradient[i] += twice * Math.max(response[i], low());
            }
        }
        return loss;
    }

    private double[] energies(float[] values, int positions) {
        int channels = values.length / positions;
        double[] energies = new double[positions];
        float low = low();
        for (int p = 0; p < positions; p++) {
            energies[p] = energy(values, p * channels, (p + 1) * channels, low);
        }
        return energies;
    }

    /** Four sums side by side, none of which waits for another. */
    private static double energy(float[] values, int from, int to, float low) {
        double s0 = 0;
        double s1 = 0;
        double s2 = 0;
        double s3 = 0;
        int i = from;
        for (; i + 4 <= to; i += 4) {
            s0 += square(values[i], low);
            s1 += square(values[i + 1], low);
            s2 += square(values[i + 2], low);
            s3 += square(values[i + 3], low);
        }
        for (; i < to; i++) {
            s0 += square(values[i], low);
        }
        return (s0 + s1) + (s2 + s3);
    }

    private static double square(float value, float low) {
        double y = Math.max(value, low);
        return y * y;
    }

    private float low() {
        return rectified ? 0f : Float.NEGATIVE_INFINITY;
    }

    private static double length(double[] values) {
        double squares = 0;
        for (double value : values) {
            squares += value * value;
        }
        return Math.max(Math.sqrt(squares), LENGTH);
    }
}
