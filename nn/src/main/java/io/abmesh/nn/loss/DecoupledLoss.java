package io.abmesh.nn.loss;

import static io.abmesh.nn.loss.LossParameters.requirePositive;

/**
 * Distillation with a weight for the target class against the others and one for the others among
 * each other, in {@code double}.
 *
 * <p>{@code T * T} times the sum of {@code target} times the divergence of the two probabilities
 * (target class, any other) and {@code nonTarget} times that of the distributions over the other
 * classes.
 *
 * @param weight factor of the term
 * @param temperature T, positive
 * @param target alpha of the paper, not negative
 * @param nonTarget beta of the paper, not negative
 * @param standardized logits have mean 0 and standard deviation 1 before they are softened, as in
 *     {@link DistillationLoss}
 * @see <a href="https://arxiv.org/abs/2203.08679">Zhao et al., Decoupled Knowledge Distillation,
 *     equation 7</a>
 */
public record DecoupledLoss(
        double weight, double temperature, double target, double nonTarget, boolean standardized)
        implements LogitLoss {
    public DecoupledLoss {
        requirePositive("temperature", temperature);
    }

    @Override
    public double sample(
            LossBatch batch, int number, float[] logits, double factor, float[] gradient) {
        return sample(
                logits,
                batch.teacherLogits(number * logits.length, logits.length),
                batch.label(number),
                factor,
                gradient);
    }

    /**
     * Returns the loss of a sample, before any factor.
     *
     * @param student its logits; borrowed
     * @param teacher likewise
     * @param label in {@code [0, classes)}
     * @param gradient {@code factor} times the gradient is added
     */
    double sample(float[] student, float[] teacher, int label, double factor, float[] gradient) {
        Logits own = Logits.of(student, standardized);
        double[] logStudent = Logits.logSoftmax(own.values(), temperature);
        double[] logTeacher =
                Logits.logSoftmax(Logits.of(teacher, standardized).values(), temperature);
        double logOthers = logOfOthers(logStudent, label);
        double logTeachersOthers = logOfOthers(logTeacher, label);
        double p = Math.exp(logStudent[label]);
        double q = Math.exp(logTeacher[label]);
        double targetLoss =
                q * (logTeacher[label] - logStudent[label])
                        + Math.exp(logTeachersOthers) * (logTeachersOthers - logOthers);
        double othersLoss = 0;
        double[] by = new double[student.length];
        double outer = factor * temperature; // T * T, and 1 / T of z / T
        for (int k = 0; k < student.length; k++) {
            if (k == label) {
                by[k] = outer * target * (p - q);
                continue;
            }
            double logShare = logStudent[k] - logOthers;
            double logTeachersShare = logTeacher[k] - logTeachersOthers;
            double share = Math.exp(logShare);
            double teachersShare = Math.exp(logTeachersShare);
            othersLoss += teachersShare * (logTeachersShare - logShare);
            by[k] = outer * (target * share * (q - p) + nonTarget * (share - teachersShare));
        }
        own.addGradient(by, gradient);
        return temperature * temperature * (target * targetLoss + nonTarget * othersLoss);
    }

    /** Logarithm of the probability of any class but one. */
    private static double logOfOthers(double[] logs, int label) {
        double max = Double.NEGATIVE_INFINITY;
        for (int k = 0; k < logs.length; k++) {
            max = k == label ? max : Math.max(max, logs[k]);
        }
        double sum = 0;
        for (int k = 0; k < logs.length; k++) {
            sum += k == label ? 0 : Math.exp(logs[k] - max);
        }
        return max + Math.log(sum);
    }
}
