package io.abmesh.nn.network;

import java.util.List;

/** One operation of a network. Names are unique in the network; parameters are named after them. */
public sealed interface Node {
    /** Returns the node's name. */
    String name();

    /** Returns the names of the nodes it reads, in order. */
    List<String> inputs();

    /** The image, {@code [C, H, W]}, normalised. */
    record Input(String name, FeatureShape shape) implements Node {
        @Override
        public List<String> inputs() {
            return List.of();
        }
    }

    /**
     * Square convolution without bias. Parameter {@code NAME.weight [outChannels, inChannels /
     * groups, kernel, kernel]}.
     *
     * @param groups 1, or the number of input channels (then equal to {@code outChannels}:
     *     depthwise)
     */
    record Convolution(
            String name,
            String input,
            int outChannels,
            int kernel,
            int stride,
            int padding,
            int groups)
            implements Node {
        public Convolution {
            if (groups != 1 && groups != outChannels) {
                throw new NetworkException(
                        "convolution "
                                + name
                                + " has a group count: found="
                                + groups
                                + ", expected=1 or "
                                + outChannels);
            }
        }

        /** Returns whether each channel is convolved by itself. */
        public boolean depthwise() {
            return groups > 1;
        }

        @Override
        public List<String> inputs() {
            return List.of(input);
        }
    }

    /**
     * Batch norm over samples, rows and columns. Parameters {@code NAME.weight [C]} (gamma) and
     * {@code NAME.bias [C]} (beta), statistics {@code NAME.running_mean [C]} and {@code
     * NAME.running_var [C]}.
     */
    record BatchNorm(String name, String input) implements Node {
        /** Added to the variance: {@value}. */
        public static final float EPSILON = 1e-5f;

        /** Share of the new batch in a running statistic: {@value}. */
        public static final float MOMENTUM = 0.1f;

        @Override
        public List<String> inputs() {
            return List.of(input);
        }
    }

    /** {@code max(0, x)}. */
    record Relu(String name, String input) implements Node {
        @Override
        public List<String> inputs() {
            return List.of(input);
        }
    }

    /** Sum of two nodes of one shape. */
    record Add(String name, String left, String right) implements Node {
        @Override
        public List<String> inputs() {
            return List.of(left, right);
        }
    }

    /** Mean over rows and columns: {@code [C, H, W] -> [C]}. */
    record GlobalAveragePool(String name, String input) implements Node {
        @Override
        public List<String> inputs() {
            return List.of(input);
        }
    }

    /** {@code W x + b}. Parameters {@code NAME.weight [out, in]} and {@code NAME.bias [out]}. */
    record Linear(String name, String input, int outFeatures) implements Node {
        @Override
        public List<String> inputs() {
            return List.of(input);
        }
    }
}
