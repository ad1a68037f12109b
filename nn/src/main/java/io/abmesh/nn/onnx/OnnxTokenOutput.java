package io.abmesh.nn.onnx;

import static java.util.Objects.requireNonNull;

import java.util.Optional;
import java.util.Set;
import onnx.Onnx.NodeProto;

/**
 * Finds the token output of a transformer: the tensor that enters its classifier, if it is chosen
 * from, or a mean of, what a layer norm puts out. Like the response before an activation it is
 * centred, so that its signs say something; it is no input of an activation.
 *
 * <p>Known: a classifier that is {@code Gemm}, or {@code MatMul} with or without a bias; a layer
 * norm as a node of its own or as the chain {@code Div, Mul, Add} that exporters wrote before opset
 * 17.
 */
public final class OnnxTokenOutput {
    /** Kind under which it is listed among activations: {@value}. */
    public static final String KIND = "Token";

    private static final Set<String> CHOICES =
            Set.of("Gather", "Slice", "Squeeze", "Reshape", "Flatten", "Identity", "ReduceMean");

    private final OnnxModel model;

    public OnnxTokenOutput(OnnxModel model) {
        this.model = requireNonNull(model, "model");
    }

    /**
     * Returns the token output, named after the classifier's node.
     *
     * @param logits tensor that the classifier makes
     */
    public Optional<OnnxActivation> find(String logits) {
        return model.producer(logits)
                .flatMap(this::classifier)
                .filter(node -> normalised(node.getInput(0)))
                .map(
                        node ->
                                new OnnxActivation(
                                        node.getName().isEmpty()
                                                ? node.getInput(0)
                                                : node.getName(),
                                        node.getInput(0),
                                        KIND,
                                        false));
    }

    private Optional<NodeProto> classifier(NodeProto node) {
        return switch (node.getOpType()) {
            case "Gemm", "MatMul" -> Optional.of(node);
            case "Add" ->
                    besidesConstant(node).filter(product -> product.getOpType().equals("MatMul"));
            default -> Optional.empty();
        };
    }

    private boolean normalised(String tensor) {
        Optional<NodeProto> node = model.producer(tensor);
        while (node.isPresent() && CHOICES.contains(node.get().getOpType())) {
            node = model.producer(node.get().getInput(0));
        }
        return node.filter(this::isLayerNorm).isPresent();
    }

    private boolean isLayerNorm(NodeProto node) {
        return node.getOpType().equals("LayerNormalization")
                || (node.getOpType().equals("Add")
                        && besidesConstant(node)
                                .filter(scaled -> scaled.getOpType().equals("Mul"))
                                .flatMap(this::besidesConstant)
                                .filter(centred -> centred.getOpType().equals("Div"))
                                .isPresent());
    }

    /** Returns the node that makes the one input of two that is not constant. */
    private Optional<NodeProto> besidesConstant(NodeProto node) {
        if (node.getInputCount() != 2) {
            return Optional.empty();
        }
        boolean first = model.constant(node.getInput(0)).isPresent();
        boolean second = model.constant(node.getInput(1)).isPresent();
        return first == second ? Optional.empty() : model.producer(node.getInput(first ? 1 : 0));
    }
}
