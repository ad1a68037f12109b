package io.abmesh.nn.loss;

/**
 * Losses of one sample's logits, in {@code double}. Each adds {@code factor} times its gradient and
 * returns its value without the factor.
 */
public final class LogitLosses {
    /** Added to a standard deviation that logits are divided by: {@value}. */
    static final double STANDARD_DEVIATION_EPSILON = 1e-7;

    private LogitLosses() {}

    /**
     * Distillation: {@code sum p_t log(p_t / p_s)} with {@code p = softmax(z / T)}, times {@code T
     * * T} if asked for. Standardised logits are {@code z = (x - mean) / deviation} with the
     * unbiased deviation over the classes.
     *
     * @see <a href="https://arxiv.org/abs/1503.02531">Hinton, Vinyals, Dean, 2015</a>
     * @see <a href="https://arxiv.org/abs/2403.01427">Sun et al., Logit Standardization in
     *     Knowledge Distillation</a>
     */
    public static double distillation(
            float[] student,
            float[] teacher,
            LossTerm.Distillation term,
            double factor,
            float[] gradient) {
        double temperature = term.temperature();
        double squared = term.temperatureSquared() ? temperature * temperature : 1;
        Logits own = Logits.of(student, term.standardized());
        double[] logStudent = logSoftmax(own.values(), temperature);
        double[] logTeacher =
                logSoftmax(Logits.of(teacher, term.standardized()).values(), temperature);
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

    /**
     * Decoupled distillation: {@code T * T} times the sum of {@code target} times the divergence of
     * the two probabilities (target class, any other) and {@code nonTarget} times that of the
     * distributions over the other classes.
     *
     * @param label in {@code [0, classes)}
     * @see <a href="https://arxiv.org/abs/2203.08679">Zhao et al., Decoupled Knowledge
     *     Distillation, equation 7</a>
     */
    public static double decoupled(
            float[] student,
            float[] teacher,
            int label,
            LossTerm.Decoupled term,
            double factor,
            float[] gradient) {
        double temperature = term.temperature();
        Logits own = Logits.of(student, term.standardized());
        double[] logStudent = logSoftmax(own.values(), temperature);
        double[] logTeacher =
                logSoftmax(Logits.of(teacher, term.standardized()).values(), temperature);
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
                by[k] = outer * term.target() * (p - q);
                continue;
            }
            double logShare = logStudent[k] - logOthers;
            double logTeachersShare = logTeacher[k] - logTeachersOthers;
            double share = Math.exp(logShare);
            double teachersShare = Math.exp(logTeachersShare);
            othersLoss += teachersShare * (logTeachersShare - logShare);
            by[k] =
                    outer
                            * (term.target() * share * (q - p)
                                    + term.nonTarget() * (share - teachersShare));
        }
        own.addGradient(by, gradient);
        return temperature
                * temperature
                * (term.target() * targetLoss + term.nonTarget() * othersLoss);
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

    /**
     * Cross-entropy with a label in {@code [0, classes)}; with smoothing {@code e} the target is
     * {@code 1 - e} at the label plus {@code e / classes} everywhere.
     */
    public static double crossEntropy(
            float[] logits, int label, double smoothing, double factor, float[] gradient) {
        double[] log = logSoftmax(Logits.of(logits, false).values(), 1);
        double alike = smoothing / logits.length;
        double loss = 0;
        for (int k = 0; k < logits.length; k++) {
            double target = (k == label ? 1 - smoothing : 0) + alike;
            gradient[k] += (float) (factor * (Math.exp(log[k]) - target));
            if (target > 0) {
                loss -= target * log[k];
            }
        }
        return loss;
    }

    /**
     * Mean squared difference of logits from which their mean is taken.
     *
     * @see <a href="https://arxiv.org/abs/1811.03233">Heo et al., AAAI 2019, transfer to other
     *     classes</a>
     */
    public static double centered(
            float[] student, float[] teacher, double factor, float[] gradient) {
        double studentMean = mean(student);
        double teacherMean = mean(teacher);
        double loss = 0;
        for (int k = 0; k < student.length; k++) {
            double d = (student[k] - studentMean) - (teacher[k] - teacherMean);
            loss += d * d / student.length;
            // the differences add up to 0, so that centring the gradient changes nothing
            gradient[k] += (float) (factor * 2 * d / student.length);
        }
        return loss;
    }

    private static double mean(float[] values) {
        double sum = 0;
        for (float value : values) {
            sum += value;
        }
        return sum / values.length;
    }

    static double[] logSoftmax(double[] logits, double temperature) {
        double max = Double.NEGATIVE_INFINITY;
        for (double logit : logits) {
            max = Math.max(max, logit / temperature);
        }
        double sum = 0;
        for (double logit : logits) {
            sum += Math.exp(logit / temperature - max);
        }
        double log = max + Math.log(sum);
        double[] result = new double[logits.length];
        for (int k = 0; k < logits.length; k++) {
            result[k] = logits[k] / temperature - log;
        }
        return result;
    }

    /** Logits as they are or standardised, and the way back of a gradient. */
    private static final class Logits {
        private final double[] values;
        private final double deviation;
        private final boolean standardized;

        private Logits(double[] values, double deviation, boolean standardized) {
            this.values = values;
            this.deviation = deviation;
            this.standardized = standardized;
        }

        static Logits of(float[] logits, boolean standardized) {
            double[] values = new double[logits.length];
            for (int k = 0; k < values.length; k++) {
                values[k] = logits[k];
            }
            if (!standardized) {
                return new Logits(values, 1, false);
            }
            double mean = mean(logits);
            double squares = 0;
            for (double value : values) {
                squares += (value - mean) * (value - mean);
            }
            double deviation = Math.sqrt(squares / (values.length - 1));
            for (int k = 0; k < values.length; k++) {
                values[k] = (values[k] - mean) / (deviation + STANDARD_DEVIATION_EPSILON);
            }
            return new Logits(values, deviation, true);
        }

        double[] values() {
            return values;
        }

        /** Adds the gradient by the logits, given that by the values. */
        void addGradient(double[] by, float[] gradient) {
            if (!standardized) {
                for (int k = 0; k < by.length; k++) {
                    gradient[k] += (float) by[k];
                }
                return;
            }
            double sum = 0;
            double along = 0;
            for (int k = 0; k < by.length; k++) {
                sum += by[k];
                along += by[k] * values[k];
            }
            double divisor = deviation + STANDARD_DEVIATION_EPSILON;
            for (int k = 0; k < by.length; k++) {
                double centred = by[k] - sum / by.length;
                // d deviation / d x_k = (x_k - mean) / ((K - 1) deviation); 0 for equal logits
                double bent =
                        deviation == 0
                                ? 0
                                : along * values[k] * divisor / ((by.length - 1) * deviation);
                gradient[k] += (float) ((centred - bent) / divisor);
            }
        }
    }
}
