package io.abmesh.nn.loss;

import static io.abmesh.nn.loss.LossParameters.requirePositive;

/**
 * Distillation of the teacher's softened logits, in {@code double}.
 *
 * <p>{@code sum p_t log(p_t / p_s)} with {@code p = softmax(z / T)}, times {@code T * T} if asked
 * for. Standardised logits are {@code z = (x - mean) / deviation} with the unbiased deviation over
 * the classes.
 *
 * @param weight factor of the term
 * @param temperature T, positive
 * @param temperatureSquared multiply by the squared temperature
 * @param standardized logits have mean 0 and standard deviation 1 before they are softened
 * @see <a href="https://arxiv.org/abs/1503.02531">Hinton, Vinyals, Dean, 2015</a>
 * @see <a href="https://arxiv.org/abs/2403.01427">Sun et al., Logit Standardization in Knowledge
 *     Distillation</a>
 */
public record DistillationLoss(
        double weight, double temperature, boolean temperatureSquared, boolean standardized)
        implements LogitLoss {
    public DistillationLoss {
        requirePositive("temperature", temperature);
    }

    @Override
    public double sample(
            LossBatch batch, int number, float[] logits, double factor, float[] gradient) {
        return sample(
                logits,
                batch.teacherLogits(number * logits.length, logits.length),
                factor,
                gradient);
    }

    /**
     * Returns the loss of a sample, before any factor.
     *
     * @param student its logits; borrowed
     * @param teacher likewise
     * @param gradient {@code factor} times the gradient is added
     */
    double sample(float[] student, float[] teacher, double factor, float[] gradient) {
        double squared = temperatureSquared ? temperature * temperature : 1;
        Logits own = Logits.of(student, standardized);
        double[] logStudent = Logits.logSoftmax(own.values(), temperature);
        double[] logTeacher =
                Logits.logSoftmax(Logits.of(teacher, standardized).values(), temperature);
        double loss = 0;
        double[] by = new double[student.length];
        for (int k = 0; k < student.length; k++) {
            double p = Math.exp(logTeacher[k]);
            loss += p * (logTeacher[k] - logStudent[k]);
            by[k] = factor * squared * (Math.exp(logStudent[k]) - p) / temperature;
        }
        own.addGradient(by, gradient);
        return squared * loss;
    }
}
