package io.abmesh.nn.loss;

/** One term of a phase's loss. */
public sealed interface LossTerm {
    /** Returns the factor of the term. */
    double weight();

    /**
     * The hinge surrogate of the activation transfer loss, at every tap.
     *
     * @param margin positive
     * @param scale factor of {@link Reduction#MEAN}, positive
     */
    record Boundary(double weight, double margin, Reduction reduction, double scale)
            implements LossTerm {
        public Boundary {
            if (!(margin > 0)) {
                throw new IllegalArgumentException("margin must be positive: found=" + margin);
            }
        }
    }

    /**
     * Distillation of the teacher's softened logits.
     *
     * @param temperature positive
     * @param temperatureSquared multiply by the squared temperature
     */
    record Distillation(double weight, double temperature, boolean temperatureSquared)
            implements LossTerm {
        public Distillation {
            if (!(temperature > 0)) {
                throw new IllegalArgumentException(
                        "temperature must be positive: found=" + temperature);
            }
        }
    }

    /** Cross-entropy with the labels. */
    record CrossEntropy(double weight) implements LossTerm {}
}
