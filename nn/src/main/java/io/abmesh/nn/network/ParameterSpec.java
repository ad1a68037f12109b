package io.abmesh.nn.network;

import java.util.List;

/**
 * A named array of a network.
 *
 * @param name for example {@code block1.layer.0.conv1.weight}
 * @param shape sizes, in PyTorch's order
 * @param kind what it is
 */
public record ParameterSpec(String name, List<Long> shape, Kind kind) {
    /** What an array is. */
    public enum Kind {
        /** Weights of a convolution, trained. */
        CONVOLUTION_WEIGHT(true),
        /** Gamma of a batch norm, trained. */
        SCALE(true),
        /** Beta of a batch norm, trained. */
        SHIFT(true),
        /** Weights of a linear layer, trained. */
        LINEAR_WEIGHT(true),
        /** Bias of a linear layer, trained. */
        LINEAR_BIAS(true),
        /** Running mean of a batch norm. */
        RUNNING_MEAN(false),
        /** Running variance of a batch norm. */
        RUNNING_VARIANCE(false);

        private final boolean trained;

        Kind(boolean trained) {
            this.trained = trained;
        }

        /** Returns whether the optimiser changes it. */
        public boolean trained() {
            return trained;
        }
    }

    public ParameterSpec {
        shape = List.copyOf(shape);
    }

    /** Returns the number of elements. */
    public int elements() {
        long product = 1;
        for (long size : shape) {
            product = Math.multiplyExact(product, size);
        }
        return Math.toIntExact(product);
    }
}
