package io.abmesh.nn.loss;

import java.util.List;

/** One term of a phase's loss. */
public sealed interface LossTerm {
    /** Returns the factor of the term. */
    double weight();

    /** A term that compares what student and teacher answer at taps. */
    sealed interface AtTaps extends LossTerm {
        /** Returns the numbers of the taps, from 0 for the first, ascending; empty: all taps. */
        List<Integer> taps();
    }

    /** A term that trains the student's classifier. */
    sealed interface OfLogits extends LossTerm {}

    /**
     * The hinge surrogate of the activation transfer loss.
     *
     * @param margin positive
     * @param scale factor of {@link Reduction#MEAN}, positive
     */
    record Boundary(
            double weight, double margin, Reduction reduction, double scale, List<Integer> taps)
            implements AtTaps {
        public Boundary {
            requirePositive("margin", margin);
            taps = List.copyOf(taps);
        }

        /** Makes the loss at every tap. */
        public Boundary(double weight, double margin, Reduction reduction, double scale) {
            this(weight, margin, reduction, scale, List.of());
        }
    }

    /**
     * Distance of responses.
     *
     * @param norm how a difference counts
     * @param rectified compare behind a ReLU
     * @param scale factor of the mean, positive
     */
    record Distance(double weight, Norm norm, boolean rectified, double scale, List<Integer> taps)
            implements AtTaps {
        /** How a difference {@code d} counts. */
        public enum Norm {
            /** {@code |d|}. */
            L1,
            /** {@code d * d}. */
            L2
        }

        public Distance {
            requirePositive("scale", scale);
            taps = List.copyOf(taps);
        }
    }

    /**
     * Partial distance to the teacher's responses behind a margin ReLU.
     *
     * @param scale factor of the mean, positive
     */
    record Overhaul(double weight, double scale, List<Integer> taps) implements AtTaps {
        public Overhaul {
            requirePositive("scale", scale);
            taps = List.copyOf(taps);
        }
    }

    /**
     * Distance of attention maps; reads the student's tap itself, without a connector.
     *
     * @param rectified attend to what comes behind a ReLU
     * @param scale factor of the mean over positions, positive
     */
    record Attention(double weight, boolean rectified, double scale, List<Integer> taps)
            implements AtTaps {
        public Attention {
            requirePositive("scale", scale);
            taps = List.copyOf(taps);
        }
    }

    /**
     * Distance of the products between each tap and the next of {@code taps}.
     *
     * @param rectified multiply what comes behind a ReLU
     * @param scale factor of the mean over pairs of channels, positive
     */
    record Flow(double weight, boolean rectified, double scale, List<Integer> taps)
            implements AtTaps {
        public Flow {
            requirePositive("scale", scale);
            taps = List.copyOf(taps);
        }
    }

    /**
     * Distillation of the teacher's softened logits.
     *
     * @param temperature positive
     * @param temperatureSquared multiply by the squared temperature
     * @param standardized logits have mean 0 and standard deviation 1 before they are softened
     */
    record Distillation(
            double weight, double temperature, boolean temperatureSquared, boolean standardized)
            implements OfLogits {
        public Distillation {
            requirePositive("temperature", temperature);
        }

        /** Makes the loss on the logits as they are. */
        public Distillation(double weight, double temperature, boolean temperatureSquared) {
            this(weight, temperature, temperatureSquared, false);
        }
    }

    /**
     * Distillation with a weight for the target class against the others and one for the others
     * among each other; times the squared temperature.
     *
     * @param temperature positive
     * @param target alpha of the paper, not negative
     * @param nonTarget beta of the paper, not negative
     * @param standardized logits have mean 0 and standard deviation 1 before they are softened
     */
    record Decoupled(
            double weight,
            double temperature,
            double target,
            double nonTarget,
            boolean standardized)
            implements OfLogits {
        public Decoupled {
            requirePositive("temperature", temperature);
        }
    }

    /**
     * Distillation of relations; times the squared temperature.
     *
     * @param temperature positive
     * @param inter weight of the relation between the classes of a sample, not negative
     * @param intra weight of the relation between the samples of a class, not negative
     */
    record Relations(double weight, double temperature, double inter, double intra)
            implements OfLogits {
        public Relations {
            requirePositive("temperature", temperature);
        }
    }

    /**
     * Cross-entropy with the labels.
     *
     * @param smoothing share of the target that all classes get alike, in {@code [0, 1)}
     */
    record CrossEntropy(double weight, double smoothing) implements OfLogits {
        public CrossEntropy {
            if (!(smoothing >= 0 && smoothing < 1)) {
                throw new IllegalArgumentException(
                        "label smoothing: found=" + smoothing + ", expected=[0, 1)");
            }
        }

        /** Makes the loss with the labels as they are. */
        public CrossEntropy(double weight) {
            this(weight, 0);
        }
    }

    /**
     * Distance of mean-centred logits, the student's through a linear map of its pooled features;
     * so the teacher's classes need not be the data's.
     *
     * @param scale factor of the mean, positive
     */
    record CenteredLogits(double weight, double scale) implements LossTerm {
        public CenteredLogits {
            requirePositive("scale", scale);
        }
    }

    private static void requirePositive(String what, double value) {
        if (!(value > 0)) {
            throw new IllegalArgumentException(what + " must be positive: found=" + value);
        }
    }
}
