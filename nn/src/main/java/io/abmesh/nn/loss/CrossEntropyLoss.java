package io.abmesh.nn.loss;

/**
 * Cross-entropy with the labels, in {@code double}; with smoothing {@code e} the target is {@code 1
 * - e} at the label plus {@code e / classes} everywhere.
 *
 * @param weight factor of the term
 * @param smoothing share of the target that all classes get alike, in {@code [0, 1)}
 */
public record CrossEntropyLoss(double weight, double smoothing) implements LogitLoss {
    public CrossEntropyLoss {
        if (!(smoothing >= 0 && smoothing < 1)) {
            throw new IllegalArgumentException(
                    "label smoothing: found=" + smoothing + ", expected=[0, 1)");
        }
    }

    /** Makes the loss with the labels as they are. */
    public CrossEntropyLoss(double weight) {
        this(weight, 0);
    }

    @Override
    public double sample(
            LossBatch batch, int number, float[] logits, double factor, float[] gradient) {
        return sample(logits, batch.label(number), factor, gradient);
    }

    /**
     * Returns the loss of a sample, before any factor.
     *
     * @param logits borrowed
     * @param label in {@code [0, classes)}
     * @param gradient {@code factor} times the gradient is added
     */
    double sample(float[] logits, int label, double factor, float[] gradient) {
        double[] log = Logits.logSoftmax(Logits.of(logits, false).values(), 1);
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
}
