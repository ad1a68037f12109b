package io.abmesh.nn.onnx;

import static java.util.Objects.requireNonNull;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import onnx.Onnx.AttributeProto;
import onnx.Onnx.GraphProto;
import onnx.Onnx.ModelProto;
import onnx.Onnx.NodeProto;
import onnx.Onnx.StringStringEntryProto;
import onnx.Onnx.TensorProto;
import onnx.Onnx.TensorShapeProto;
import onnx.Onnx.ValueInfoProto;
import org.nd4j.shade.protobuf.InvalidProtocolBufferException;

/**
 * An ONNX model as a graph: what goes in, what comes out, which node makes which tensor. Immutable;
 * an edit gives new bytes and leaves this model and its file as they are. Thread-safe.
 */
public final class OnnxModel {
    /** Size of a dimension that the model leaves open. */
    public static final long FREE = -1;

    private final ModelProto model;
    private final Map<String, NodeProto> producers;
    private final Map<String, TensorProto> constants;

    private OnnxModel(ModelProto model) {
        this.model = model;
        this.producers = new HashMap<>();
        this.constants = new HashMap<>();
        for (TensorProto initializer : model.getGraph().getInitializerList()) {
            constants.put(initializer.getName(), initializer);
        }
        for (NodeProto node : model.getGraph().getNodeList()) {
            for (String output : node.getOutputList()) {
                producers.put(output, node);
            }
            if (node.getOpType().equals("Constant")) {
                attribute(node, "value")
                        .ifPresent(value -> constants.put(node.getOutput(0), value.getT()));
            }
        }
    }

    /**
     * Reads a model.
     *
     * @param bytes the whole file, borrowed
     * @throws OnnxFormatException if the bytes are no ONNX model, or one without nodes or without
     *     the opset of the standard operators
     */
    public static OnnxModel parse(byte[] bytes) throws OnnxFormatException {
        ModelProto model;
        try {
            model = ModelProto.parseFrom(bytes);
        } catch (InvalidProtocolBufferException e) {
            throw new OnnxFormatException(
                    "not an ONNX model: found=" + bytes.length + " bytes that do not parse", e);
        }
        if (model.getGraph().getNodeCount() == 0) {
            throw new OnnxFormatException(
                    "not an ONNX model: found=a graph without nodes, expected=at least one node");
        }
        OnnxModel parsed = new OnnxModel(model);
        if (parsed.opset() == 0) {
            throw new OnnxFormatException(
                    "not an ONNX model: found=no opset_import of the standard operators, expected=one");
        }
        return parsed;
    }

    /** Returns the names of the files beside the model that it keeps weights in, sorted. */
    public SortedSet<String> externalFiles() {
        SortedSet<String> files = new TreeSet<>();
        addExternalFiles(model.getGraph(), files);
        return files;
    }

    private static void addExternalFiles(GraphProto graph, Set<String> files) {
        graph.getInitializerList().forEach(tensor -> addExternalFile(tensor, files));
        for (NodeProto node : graph.getNodeList()) {
            for (AttributeProto attribute : node.getAttributeList()) {
                addExternalFile(attribute.getT(), files);
                attribute.getTensorsList().forEach(tensor -> addExternalFile(tensor, files));
                if (attribute.hasG()) {
                    addExternalFiles(attribute.getG(), files);
                }
                attribute.getGraphsList().forEach(inner -> addExternalFiles(inner, files));
            }
        }
    }

    private static void addExternalFile(TensorProto tensor, Set<String> files) {
        if (tensor.getDataLocation() == TensorProto.DataLocation.EXTERNAL) {
            tensor.getExternalDataList().stream()
                    .filter(entry -> entry.getKey().equals("location"))
                    .forEach(entry -> files.add(entry.getValue()));
        }
    }

    /** Returns the version of the standard operator set, 0 if the model imports none. */
    public long opset() {
        return model.getOpsetImportList().stream()
                .filter(opset -> opset.getDomain().isEmpty() || opset.getDomain().equals("ai.onnx"))
                .mapToLong(opset -> opset.getVersion())
                .max()
                .orElse(0);
    }

    /** Returns the model's metadata, in the file's order. */
    public Map<String, String> metadata() {
        Map<String, String> metadata = new LinkedHashMap<>();
        for (StringStringEntryProto entry : model.getMetadataPropsList()) {
            metadata.put(entry.getKey(), entry.getValue());
        }
        return metadata;
    }

    /** Returns the nodes in the order of the file, which is an order of evaluation. */
    public List<NodeProto> nodes() {
        return model.getGraph().getNodeList();
    }

    /**
     * Returns the inputs that a caller must give, that is, without those that have an initial
     * value.
     */
    public List<ValueInfoProto> inputs() {
        return model.getGraph().getInputList().stream()
                .filter(input -> !constants.containsKey(input.getName()))
                .toList();
    }

    /** Returns the outputs, in the file's order. */
    public List<ValueInfoProto> outputs() {
        return model.getGraph().getOutputList();
    }

    /** Returns the node that makes a tensor; empty for an input or an initial value. */
    public Optional<NodeProto> producer(String tensor) {
        return Optional.ofNullable(producers.get(tensor));
    }

    /** Returns a tensor's value if it is constant. */
    public Optional<TensorProto> constant(String tensor) {
        return Optional.ofNullable(constants.get(tensor));
    }

    /** Returns a node's attribute of that name. */
    public static Optional<AttributeProto> attribute(NodeProto node, String name) {
        return node.getAttributeList().stream().filter(a -> a.getName().equals(name)).findFirst();
    }

    /** Returns whether a value is a float32 tensor. */
    public static boolean isFloat32(ValueInfoProto value) {
        return value.getType().getTensorType().getElemType()
                == TensorProto.DataType.FLOAT.getNumber();
    }

    /**
     * Returns a value's declared shape with {@value #FREE} for open dimensions; empty if it has
     * none.
     */
    public static List<Long> declaredShape(ValueInfoProto value) {
        List<Long> shape = new ArrayList<>();
        for (TensorShapeProto.Dimension dimension :
                value.getType().getTensorType().getShape().getDimList()) {
            boolean fixed = dimension.hasDimValue() && dimension.getDimValue() > 0;
            shape.add(fixed ? dimension.getDimValue() : FREE);
        }
        return List.copyOf(shape);
    }

    /**
     * Returns the model with exactly these outputs, and without the nodes that none of them needs.
     *
     * @param tensors names of tensors of the graph, at least one, each once
     */
    public byte[] withOutputs(List<String> tensors) {
        GraphProto.Builder graph = model.getGraph().toBuilder();
        Map<String, ValueInfoProto> declared = new HashMap<>();
        outputs().forEach(output -> declared.put(output.getName(), output));
        graph.clearOutput();
        for (String tensor : tensors) {
            graph.addOutput(declared.getOrDefault(tensor, untyped(tensor)));
        }
        if (nodes().stream().noneMatch(OnnxModel::hasSubgraph)) {
            Set<NodeProto> needed = needed(tensors);
            graph.clearNode();
            nodes().stream().filter(needed::contains).forEach(graph::addNode);
        }
        return model.toBuilder().setGraph(graph).build().toByteArray();
    }

    /** A subgraph may read any tensor of the graph around it without listing it as an input. */
    private static boolean hasSubgraph(NodeProto node) {
        return node.getAttributeList().stream().anyMatch(a -> a.hasG() || a.getGraphsCount() > 0);
    }

    private Set<NodeProto> needed(List<String> tensors) {
        Set<String> seen = new HashSet<>(tensors);
        Deque<String> open = new ArrayDeque<>(seen);
        Set<NodeProto> needed = new HashSet<>();
        while (!open.isEmpty()) {
            NodeProto node = producers.get(open.remove());
            if (node != null && needed.add(node)) {
                node.getInputList().stream().filter(seen::add).forEach(open::add);
            }
        }
        return needed;
    }

    /** ONNX Runtime finds type and shape by itself; a wrong one it refuses. */
    private static ValueInfoProto untyped(String name) {
        return ValueInfoProto.newBuilder().setName(requireNonNull(name, "name")).build();
    }
}
