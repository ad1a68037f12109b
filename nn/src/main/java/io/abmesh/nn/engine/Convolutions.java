package io.abmesh.nn.engine;

import io.abmesh.nn.network.Node;
import org.nd4j.linalg.api.ops.DynamicCustomOp;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Convolutions through ND4J's operators, {@code [N, H, W, C]} with weights {@code [O, I, kernel,
 * kernel]}. On a CPU they run in oneDNN, on a GPU in cuDNN. The backward operator reads the input
 * that the caller kept; it does not convolve forward again.
 */
final class Convolutions {
    private static final int DILATION = 1;
    private static final int EXPLICIT_PADDING = 0;
    private static final int CHANNELS_LAST = 1;

    /** {@code [O, I, kH, kW]}; for depthwise {@code [1, C, kH, kW]}. */
    private static final int WEIGHTS_OUT_FIRST = 1;

    private Convolutions() {}

    /** Writes {@code y}; every array is borrowed. */
    static void forward(Node.Convolution node, FloatArray x, FloatArray weights, FloatArray y) {
        Nd4j.exec(
                DynamicCustomOp.builder(node.depthwise() ? "depthwise_conv2d" : "conv2d")
                        .addInputs(x.toRead(), shaped(node, weights).toRead())
                        .addOutputs(y.toWrite())
                        .addIntegerArguments(arguments(node))
                        .build());
        y.fetch();
    }

    /** Writes {@code dx} and {@code dWeights}; every array is borrowed. */
    static void backward(
            Node.Convolution node,
            FloatArray x,
            FloatArray weights,
            FloatArray dy,
            FloatArray dx,
            FloatArray dWeights) {
        FloatArray dShaped = shaped(node, dWeights);
        Nd4j.exec(
                DynamicCustomOp.builder(node.depthwise() ? "depthwise_conv2d_bp" : "conv2d_bp")
                        .addInputs(x.toRead(), shaped(node, weights).toRead(), dy.toRead())
                        .addOutputs(dx.toWrite(), dShaped.toWrite())
                        .addIntegerArguments(arguments(node))
                        .build());
        dx.fetch();
        dShaped.fetch();
    }

    /**
     * Depthwise weights {@code [C, 1, kernel, kernel]} as the operator wants them: {@code [1, C,
     * kernel, kernel]}.
     */
    private static FloatArray shaped(Node.Convolution node, FloatArray weights) {
        return node.depthwise()
                ? weights.slice(0, 1, node.outChannels(), node.kernel(), node.kernel())
                : weights;
    }

    private static int[] arguments(Node.Convolution node) {
        int kernel = node.kernel();
        int stride = node.stride();
        int padding = node.padding();
        return new int[] {
            kernel,
            kernel,
            stride,
            stride,
            padding,
            padding,
            DILATION,
            DILATION,
            EXPLICIT_PADDING,
            CHANNELS_LAST,
            WEIGHTS_OUT_FIRST
        };
    }
}
