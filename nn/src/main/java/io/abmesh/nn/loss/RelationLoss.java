package io.abmesh.nn.loss;

import static io.abmesh.nn.loss.LossParameters.requirePositive;

import java.util.List;

/**
 * Distillation of relations, of a whole micro-batch, in {@code double}.
 *
 * <p>With {@code y = softmax(z / T)}, {@code [N, K]}, and {@code r} Pearson's correlation: {@code T
 * * T} times the sum of {@code inter} times the mean over samples of {@code 1 - r(y_s, y_t)} over
 * the classes, and {@code intra} times the mean over classes of {@code 1 - r(y_s, y_t)} over the
 * samples. As in the authors' script, {@value #EPSILON} is added to the product of the lengths.
 *
 * <p>The second relation is between the samples of a micro-batch, so it depends on its size, as
 * batch norm does.
 *
 * @param weight factor of the term
 * @param temperature T, positive
 * @param inter weight of the relation between the classes of a sample, not negative
 * @param intra weight of the relation between the samples of a class, not negative
 * @see <a href="https://arxiv.org/abs/2205.10536">Huang et al., Knowledge Distillation from a
 *     Stronger Teacher, equations 6 to 9</a>
 */
public record RelationLoss(double weight, double temperature, double inter, double intra)
        implements LossTerm {
    private static final double EPSILON = 1e-8;

    public RelationLoss {
        requirePositive("temperature", temperature);
    }

    @Override
    public List<StudentOutput> reads(int taps) {
        return List.of(StudentOutput.LOGITS);
    }

    @Override
    public List<LossPart> parts(LossBatch batch) {
        float[] student = batch.student(StudentOutput.LOGITS);
        float[] teacher = batch.teacherLogits(0, student.length);
        float[] gradients = new float[student.length];
        double loss = batch(student, teacher, batch.samples(), weight, gradients);
        return List.of(
                new LossPart(
                        StudentOutput.LOGITS,
                        weight / batch.samples(),
                        (sample, value, gradient) -> {
                            for (int k = 0; k < gradient.length; k++) {
                                gradient[k] += gradients[sample * gradient.length + k];
                            }
                            return loss;
                        }));
    }

    /**
     * Returns the loss, before any factor.
     *
     * @param student logits, {@code [N, K]}; borrowed
     * @param teacher likewise
     * @param samples N
     * @param gradient {@code factor} times the gradient is added, {@code [N, K]}
     */
    double batch(float[] student, float[] teacher, int samples, double factor, float[] gradient) {
        int classes = student.length / samples;
        double[] own = softmax(student, classes);
        double[] wanted = softmax(teacher, classes);
        double[] by = new double[own.length];
        double squared = temperature * temperature;
        double loss = 0;
        for (int n = 0; n < samples; n++) {
            double share = squared * inter / samples;
            loss += share * relation(own, wanted, n * classes, 1, classes, share, by);
        }
        for (int k = 0; k < classes; k++) {
            double share = squared * intra / classes;
            loss += share * relation(own, wanted, k, classes, samples, share, by);
        }
        for (int n = 0; n < samples; n++) {
            double along = 0;
            for (int k = 0; k < classes; k++) {
                along += by[n * classes + k] * own[n * classes + k];
            }
            for (int k = 0; k < classes; k++) {
                int at = n * classes + k;
                gradient[at] += (float) (factor * own[at] * (by[at] - along) / temperature);
            }
        }
        return loss;
    }

    /** Returns {@code 1 - r} of two rows of {@code count} numbers that lie {@code stride} apart. */
    private static double relation(
            double[] a, double[] b, int first, int stride, int count, double share, double[] by) {
        double meanA = 0;
        double meanB = 0;
        for (int i = 0; i < count; i++) {
            meanA += a[first + i * stride] / count;
            meanB += b[first + i * stride] / count;
        }
        double ab = 0;
        double aa = 0;
        double bb = 0;
        for (int i = 0; i < count; i++) {
            double x = a[first + i * stride] - meanA;
            double y = b[first + i * stride] - meanB;
            ab += x * y;
            aa += x * x;
            bb += y * y;
        }
        double lengthA = Math.sqrt(aa);
        double lengthB = Math.sqrt(bb);
        double lengths = lengthA * lengthB + EPSILON;
        for (int i = 0; i < count; i++) {
            double x = a[first + i * stride] - meanA;
            double y = b[first + i * stride] - meanB;
            // both parts add up to 0 over the row, so that centring changes nothing
            double bent = lengthA == 0 ? 0 : ab * lengthB * x / (lengthA * lengths);
            by[first + i * stride] -= share * (y - bent) / lengths;
        }
        return 1 - ab / lengths;
    }

    private double[] softmax(float[] logits, int classes) {
        double[] result = new double[logits.length];
        double[] row = new double[classes];
        for (int from = 0; from < logits.length; from += classes) {
            for (int k = 0; k < classes; k++) {
                row[k] = logits[from + k];
            }
            double[] logs = Logits.logSoftmax(row, temperature);
            for (int k = 0; k < classes; k++) {
                result[from + k] = Math.exp(logs[k]);
            }
        }
        return result;
    }
}
