package io.abmesh.nn.loss;

/**
 * Losses of one sample's logits, in {@code double}. Each adds {@code factor} times its gradient and
 * returns its value without the factor.
 */
public final class LogitLosses {
    private LogitLosses() {}

    /**
     * Distillation: {@code sum p_t log(p_t / p_s)} with {@code p = softmax(z / T)}, times {@code T
     * * T} if asked for.
     *
     * @see <a href="https://arxiv.org/abs/1503.02531">Hinton, Vinyals, Dean, 2015</a>
     */
    public static double distillation(
            float[] student,
            float[] teacher,
            LossTerm.Distillation term,
            double factor,
            float[] gradient) {
        double temperature = term.temperature();
        double squared = term.temperatureSquared() ? temperature * temperature : 1;
        double[] logStudent = logSoftmax(student, temperature);
        double[] logTeacher = logSoftmax(teacher, temperature);
        double loss = 0;
        for (int k = 0; k < student.length; k++) {
            double p = Math.exp(logTeacher[k]);
            loss += p * (logTeacher[k] - logStudent[k]);
            gradient[k] += (float) (factor * squared * (Math.exp(logStudent[k]) - p) / temperature);
        }
        return squared * loss;
    }

    /** Cross-entropy with a label in {@code [0, classes)}. */
    public static double crossEntropy(float[] logits, int label, double factor, float[] gradient) {
        double[] log = logSoftmax(logits, 1);
        for (int k = 0; k < logits.length; k++) {
            gradient[k] += (float) (factor * (Math.exp(log[k]) - (k == label ? 1 : 0)));
        }
        return -log[label];
    }

    private static double[] logSoftmax(float[] logits, double temperature) {
        double max = Double.NEGATIVE_INFINITY;
        for (float logit : logits) {
            max = Math.max(max, logit / temperature);
        }
        double sum = 0;
        for (float logit : logits) {
            sum += Math.exp(logit / temperature - max);
        }
        double log = max + Math.log(sum);
        double[] result = new double[logits.length];
        for (int k = 0; k < logits.length; k++) {
            result[k] = logits[k] / temperature - log;
        }
        return result;
    }
}
