package io.abmesh.nn.onnx;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import onnx.Onnx.AttributeProto;
import onnx.Onnx.GraphProto;
import onnx.Onnx.ModelProto;
import onnx.Onnx.NodeProto;
import onnx.Onnx.OperatorSetIdProto;
import onnx.Onnx.StringStringEntryProto;
import onnx.Onnx.TensorProto;
import onnx.Onnx.TensorShapeProto;
import onnx.Onnx.TypeProto;
import onnx.Onnx.ValueInfoProto;
import org.nd4j.shade.protobuf.ByteString;

/** Puts an ONNX model of float32 tensors together, node by node. Not thread-safe. */
public final class OnnxModelBuilder {
    /** Version of the standard operator set: {@value}. */
    public static final int OPSET = 13;

    /** Version of the file format that came with the operator set: {@value}. */
    private static final int IR_VERSION = 7;

    private static final String PRODUCER = "abmesh";

    private final ModelProto.Builder model = ModelProto.newBuilder();
    private final GraphProto.Builder graph = GraphProto.newBuilder();

    /**
     * @param name of the graph
     * @param producerVersion version of the program that writes it
     */
    public OnnxModelBuilder(String name, String producerVersion) {
        graph.setName(name);
        model.setIrVersion(IR_VERSION)
                .setProducerName(PRODUCER)
                .setProducerVersion(producerVersion)
                .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(OPSET));
    }

    /** Adds an input whose first dimension is free and named {@code N}. */
    public OnnxModelBuilder input(String name, List<Long> sampleShape) {
        graph.addInput(value(name, sampleShape));
        return this;
    }

    /** Adds an output whose first dimension is free and named {@code N}. */
    public OnnxModelBuilder output(String name, List<Long> sampleShape) {
        graph.addOutput(value(name, sampleShape));
        return this;
    }

    /**
     * Adds a constant.
     *
     * @param littleEndian float32 values in row-major order, copied
     */
    public OnnxModelBuilder constant(String name, List<Long> shape, ByteBuffer littleEndian) {
        graph.addInitializer(
                TensorProto.newBuilder()
                        .setName(name)
                        .setDataType(TensorProto.DataType.FLOAT.getNumber())
                        .addAllDims(shape)
                        .setRawData(ByteString.copyFrom(littleEndian.duplicate())));
        return this;
    }

    /**
     * Adds a node with one output.
     *
     * @param attributes values of type {@code Long}, {@code Float} or {@code List<Long>}
     */
    public OnnxModelBuilder node(
            String operator,
            String name,
            List<String> inputs,
            String output,
            Map<String, ?> attributes) {
        NodeProto.Builder node =
                NodeProto.newBuilder()
                        .setOpType(operator)
                        .setName(name)
                        .addAllInput(inputs)
                        .addOutput(output);
        attributes.entrySet().stream()
                .sorted(Map.Entry.comparingByKey())
                .forEach(entry -> node.addAttribute(attribute(entry.getKey(), entry.getValue())));
        graph.addNode(node);
        return this;
    }

    /** Adds an entry to the model's metadata. */
    public OnnxModelBuilder metadata(String key, String value) {
        model.addMetadataProps(StringStringEntryProto.newBuilder().setKey(key).setValue(value));
        return this;
    }

    /** Returns the file's bytes. */
    public byte[] build() {
        return model.setGraph(graph).build().toByteArray();
    }

    private static AttributeProto attribute(String name, Object value) {
        AttributeProto.Builder attribute = AttributeProto.newBuilder().setName(name);
        if (value instanceof Long integer) {
            return attribute.setType(AttributeProto.AttributeType.INT).setI(integer).build();
        }
        if (value instanceof Float real) {
            return attribute.setType(AttributeProto.AttributeType.FLOAT).setF(real).build();
        }
        if (value instanceof List<?> list) {
            attribute.setType(AttributeProto.AttributeType.INTS);
            list.forEach(element -> attribute.addInts((Long) element));
            return attribute.build();
        }
        throw new IllegalArgumentException(
                "attribute of an unknown type: name=" + name + ", found=" + value.getClass());
    }

    private static ValueInfoProto value(String name, List<Long> sampleShape) {
        TensorShapeProto.Builder shape = TensorShapeProto.newBuilder();
        shape.addDimBuilder().setDimParam("N");
        sampleShape.forEach(size -> shape.addDimBuilder().setDimValue(size));
        return ValueInfoProto.newBuilder()
                .setName(name)
                .setType(
                        TypeProto.newBuilder()
                                .setTensorType(
                                        TypeProto.Tensor.newBuilder()
                                                .setElemType(TensorProto.DataType.FLOAT.getNumber())
                                                .setShape(shape)))
                .build();
    }
}
