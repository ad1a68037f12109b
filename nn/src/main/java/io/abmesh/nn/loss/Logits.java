package io.abmesh.nn.loss;

/** Logits as they are or standardised, and the way back of a gradient. */
final class Logits {
    /** Added to a standard deviation that logits are divided by: {@value}. */
    static final double STANDARD_DEVIATION_EPSILON = 1e-7;

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

    static double mean(float[] values) {
        double sum = 0;
        for (float value : values) {
            sum += value;
        }
        return sum / values.length;
    }

    /** Returns the logarithms of {@code softmax(logits / temperature)}. */
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
}
