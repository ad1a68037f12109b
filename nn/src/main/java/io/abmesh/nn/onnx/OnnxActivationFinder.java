package io.abmesh.nn.onnx;

import static java.util.Objects.requireNonNull;

import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import onnx.Onnx.NodeProto;
import onnx.Onnx.TensorProto;

/**
 * Finds the activations of a network, also where an exporter wrote one as several nodes.
 *
 * <p>Known: the nodes {@code Relu}, {@code LeakyRelu}, {@code PRelu}, {@code Elu}, {@code Selu},
 * {@code Celu}, {@code ThresholdedRelu}, {@code Gelu}, {@code HardSwish}, {@code Mish}, {@code
 * Softplus}; {@code Clip} from 0 (ReLU6); {@code x * Sigmoid(x)} and {@code x * HardSigmoid(x)}
 * (swish, hard swish); and {@code x * Clip(x + 3, 0, 6)} with its division by six anywhere (hard
 * swish). A sigmoid, hard or not, that gates another tensor (squeeze and excitation) is none, nor
 * is softmax or tanh.
 */
public final class OnnxActivationFinder {
    private static final Set<String> PLAIN =
            Set.of(
                    "Relu",
                    "LeakyRelu",
                    "PRelu",
                    "Elu",
                    "Selu",
                    "Celu",
                    "ThresholdedRelu",
                    "Gelu",
                    "HardSwish",
                    "Mish",
                    "Softplus");

    private final OnnxModel model;
    private final Map<String, List<NodeProto>> consumers;

    public OnnxActivationFinder(OnnxModel model) {
        this.model = requireNonNull(model, "model");
        this.consumers = new HashMap<>();
        for (NodeProto node : model.nodes()) {
            for (String input : node.getInputList()) {
                consumers.computeIfAbsent(input, key -> new ArrayList<>()).add(node);
            }
        }
    }

    /** Returns every activation, in the order of evaluation. */
    public List<OnnxActivation> find() {
        Set<String> ambiguous = ambiguousNames();
        List<OnnxActivation> found = new ArrayList<>();
        for (NodeProto node : model.nodes()) {
            if (node.getInputCount() == 0 || node.getOutputCount() == 0) {
                continue;
            }
            String name =
                    node.getName().isEmpty() || ambiguous.contains(node.getName())
                            ? node.getOutput(0)
                            : node.getName();
            enteredAs(node)
                    .ifPresent(
                            entered ->
                                    found.add(
                                            new OnnxActivation(
                                                    name,
                                                    entered.tensor(),
                                                    entered.kind(),
                                                    isResidualSum(entered.tensor()))));
        }
        return List.copyOf(found);
    }

    private record Entered(String tensor, String kind) {}

    private Set<String> ambiguousNames() {
        Set<String> seen = new HashSet<>();
        Set<String> ambiguous = new HashSet<>();
        for (NodeProto node : model.nodes()) {
            if (!seen.add(node.getName())) {
                ambiguous.add(node.getName());
            }
        }
        return ambiguous;
    }

    private Optional<Entered> enteredAs(NodeProto node) {
        String input = node.getInput(0);
        if (PLAIN.contains(node.getOpType())) {
            return Optional.of(new Entered(input, node.getOpType()));
        }
        return switch (node.getOpType()) {
            case "Clip" -> clip(node);
            case "Sigmoid" ->
                    selfGated(node, input)
                            ? Optional.of(new Entered(input, "Swish"))
                            : Optional.empty();
            case "HardSigmoid" ->
                    selfGated(node, input)
                            ? Optional.of(new Entered(input, "HardSwish"))
                            : Optional.empty();
            default -> Optional.empty();
        };
    }

    private Optional<Entered> clip(NodeProto node) {
        OptionalDouble min = clipMin(node);
        if (min.isEmpty() || min.getAsDouble() != 0) {
            return Optional.empty();
        }
        Optional<NodeProto> shift =
                model.producer(node.getInput(0)).filter(add -> add.getOpType().equals("Add"));
        if (shift.isPresent()) {
            NodeProto add = shift.get();
            boolean constantFirst = scalar(add.getInput(0)).isPresent();
            boolean constantSecond = scalar(add.getInput(1)).isPresent();
            if (constantFirst != constantSecond) {
                String x = add.getInput(constantFirst ? 1 : 0);
                return meets(node.getOutput(0), x)
                        ? Optional.of(new Entered(x, "HardSwish"))
                        : Optional.empty();
            }
        }
        return Optional.of(new Entered(node.getInput(0), "Clip"));
    }

    /** Whether two tensors are multiplied, either of them scaled by a constant or not. */
    private boolean meets(String gate, String x) {
        Set<String> others = scaled(x);
        return scaled(gate).stream()
                .flatMap(tensor -> consumers.getOrDefault(tensor, List.of()).stream())
                .filter(node -> node.getOpType().equals("Mul"))
                .anyMatch(node -> node.getInputList().stream().anyMatch(others::contains));
    }

    /** Returns a tensor and what it becomes by one constant factor or divisor. */
    private Set<String> scaled(String tensor) {
        Set<String> scaled = new HashSet<>(Set.of(tensor));
        for (NodeProto node : consumers.getOrDefault(tensor, List.of())) {
            boolean divided =
                    node.getOpType().equals("Div")
                            && node.getInput(0).equals(tensor)
                            && scalar(node.getInput(1)).isPresent();
            boolean multiplied =
                    node.getOpType().equals("Mul")
                            && node.getInputList().stream()
                                    .anyMatch(input -> scalar(input).isPresent());
            if (divided || multiplied) {
                scaled.add(node.getOutput(0));
            }
        }
        return scaled;
    }

    /** The lower bound is an attribute up to opset 10 and an input since 11. */
    private OptionalDouble clipMin(NodeProto node) {
        Optional<OptionalDouble> attribute =
                OnnxModel.attribute(node, "min").map(min -> OptionalDouble.of(min.getF()));
        if (attribute.isPresent()) {
            return attribute.get();
        }
        return node.getInputCount() > 1 ? scalar(node.getInput(1)) : OptionalDouble.empty();
    }

    private OptionalDouble scalar(String tensor) {
        return model.constant(tensor)
                .filter(value -> value.getDataType() == TensorProto.DataType.FLOAT.getNumber())
                .map(OnnxActivationFinder::firstAndOnly)
                .orElse(OptionalDouble.empty());
    }

    private static OptionalDouble firstAndOnly(TensorProto value) {
        if (value.getFloatDataCount() == 1) {
            return OptionalDouble.of(value.getFloatData(0));
        }
        if (value.getRawData().size() == Float.BYTES) {
            return OptionalDouble.of(
                    value.getRawData()
                            .asReadOnlyByteBuffer()
                            .order(ByteOrder.LITTLE_ENDIAN)
                            .getFloat());
        }
        return OptionalDouble.empty();
    }

    private boolean selfGated(NodeProto gate, String input) {
        return consumers.getOrDefault(gate.getOutput(0), List.of()).stream()
                .anyMatch(
                        node ->
                                node.getOpType().equals("Mul")
                                        && node.getInputList().contains(input));
    }

    /** Adding a constant is a bias, not a residual sum. */
    private boolean isResidualSum(String tensor) {
        Optional<NodeProto> producer = model.producer(tensor);
        if (producer.isPresent() && producer.get().getOpType().equals("BatchNormalization")) {
            producer = model.producer(producer.get().getInput(0));
        }
        return producer.filter(
                        node -> node.getOpType().equals("Add") || node.getOpType().equals("Sum"))
                .filter(
                        node ->
                                node.getInputList().stream()
                                        .noneMatch(input -> model.constant(input).isPresent()))
                .isPresent();
    }
}
