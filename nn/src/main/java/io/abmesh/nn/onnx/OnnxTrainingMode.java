package io.abmesh.nn.onnx;

import java.util.Optional;
import onnx.Onnx.NodeProto;
import onnx.Onnx.TensorProto;

/**
 * Finds nodes that compute as in training: a batch norm with the statistics of its batch, a dropout
 * that drops. What they answer to an image depends on the images beside it, or on chance.
 */
public final class OnnxTrainingMode {
    /** Operator sets in which a batch norm in training is one with more than one output. */
    private static final long FIRST_BY_OUTPUTS = 7;

    private static final long LAST_BY_OUTPUTS = 13;

    private OnnxTrainingMode() {}

    /** Returns the first node of a model that computes so. */
    public static Optional<NodeProto> find(OnnxModel model) {
        return model.nodes().stream()
                .filter(
                        node ->
                                switch (node.getOpType()) {
                                    case "BatchNormalization" -> batchStatistics(node, model);
                                    case "Dropout" -> drops(node, model);
                                    default -> false;
                                })
                .findFirst();
    }

    private static boolean batchStatistics(NodeProto node, OnnxModel model) {
        boolean byOutputs = model.opset() >= FIRST_BY_OUTPUTS && model.opset() <= LAST_BY_OUTPUTS;
        return byOutputs
                ? node.getOutputList().stream().filter(output -> !output.isEmpty()).count() > 1
                : OnnxModel.attribute(node, "training_mode")
                        .filter(mode -> mode.getI() != 0)
                        .isPresent();
    }

    /** The third input, since operator set 12, says so; absent: it does not. */
    private static boolean drops(NodeProto node, OnnxModel model) {
        return node.getInputCount() > 2
                && model.constant(node.getInput(2)).filter(OnnxTrainingMode::isTrue).isPresent();
    }

    private static boolean isTrue(TensorProto value) {
        return value.getDataType() == TensorProto.DataType.BOOL.getNumber()
                && (value.getRawData().size() == 1
                        ? value.getRawData().byteAt(0) != 0
                        : value.getInt32DataCount() == 1 && value.getInt32Data(0) != 0);
    }
}
