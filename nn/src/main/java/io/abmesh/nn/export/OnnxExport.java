package io.abmesh.nn.export;

import io.abmesh.nn.checkpoint.StoredTensor;
import io.abmesh.nn.network.FeatureShape;
import io.abmesh.nn.network.Node;
import io.abmesh.nn.onnx.OnnxModelBuilder;
import io.abmesh.nn.teacher.FloatTensor;
import io.abmesh.nn.teacher.OnnxTeacherEngine;
import io.abmesh.nn.teacher.TeacherDescription;
import io.abmesh.nn.teacher.TeacherEngine;
import io.abmesh.nn.teacher.TeacherOptions;
import io.abmesh.nn.teacher.TeacherSession;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Writes a student as ONNX, opset {@value OnnxModelBuilder#OPSET}.
 *
 * <p>Input {@code image} float32 {@code [N, C, H, W]}, raw pixels in 0 to 255, N free; the
 * normalisation is the first two nodes. Output {@code logits} {@code [N, classes]}. Nodes and
 * tensors carry the names of the network's nodes, batch norms are nodes of their own, so the
 * student's taps are inputs of {@code Relu} nodes and the file can be a teacher. Metadata {@code
 * abmesh.input = raw-pixels} tells that it normalises by itself.
 */
public final class OnnxExport {
    /** Name of the input. */
    public static final String INPUT = "image";

    /** Name of the output. */
    public static final String OUTPUT = "logits";

    private static final String NORMALISED = "image.normalised";

    private final ExportedStudent student;
    private final OnnxModelBuilder model;

    private OnnxExport(ExportedStudent student) {
        this.student = student;
        this.model =
                new OnnxModelBuilder(
                        student.network().name(),
                        student.metadata().getOrDefault(ExportedStudent.VERSION_KEY, ""));
    }

    /**
     * Writes a student and compares it, in ONNX Runtime, with the trained network.
     *
     * @param file appears whole, after the comparison, or not at all; a former one is replaced
     * @param images raw pixels {@code uint8 [count, C, H, W]} to compare on, borrowed
     * @param count at least 1
     * @return how close it is
     * @throws ExportException with {@link ExportException.Reason#EXPORT_MISMATCH} above {@link
     *     ExportCheck#MAX_RELATIVE_DIFFERENCE} of {@code max(1, largest logit)}, or {@link
     *     ExportException.Reason#UNWRITABLE}
     */
    public static ExportCheck write(
            Path file,
            ExportedStudent student,
            TrainedLogits trained,
            ByteBuffer images,
            int count) {
        return CheckedFile.publish(
                file,
                temporary -> Files.write(temporary, bytes(student)),
                (temporary, pixels, n) ->
                        logits(temporary, student.network().inputShape(), pixels, n),
                trained,
                images,
                count);
    }

    /** Returns the bytes of the file, unchecked. */
    static byte[] bytes(ExportedStudent student) {
        return new OnnxExport(student).build();
    }

    private static float[] logits(Path file, FeatureShape image, ByteBuffer pixels, int count) {
        try (TeacherEngine engine = OnnxTeacherEngine.open(file, TeacherOptions.defaults());
                TeacherSession session = engine.open(List.of(), true, image.toList())) {
            FloatTensor logits = session.infer(pixels, count, null).logits();
            if (logits == null) {
                throw new IllegalStateException("logits were asked for");
            }
            float[] values = new float[Math.toIntExact(logits.elementCount())];
            logits.bytes().asFloatBuffer().get(values);
            return values;
        }
    }

    private byte[] build() {
        model.input(INPUT, student.network().inputShape().toList());
        model.output(OUTPUT, List.of((long) student.network().classCount()));
        normalisation();
        student.nodes().forEach(this::add);
        model.metadata(TeacherDescription.INPUT_KEY, TeacherDescription.RAW_PIXELS);
        student.allMetadata().forEach(model::metadata);
        return model.build();
    }

    private void normalisation() {
        perChannel("normalise.mean", student.normalization().mean());
        perChannel("normalise.std", student.normalization().std());
        model.node(
                "Sub",
                "normalise.sub",
                List.of(INPUT, "normalise.mean"),
                "image.centred",
                Map.of());
        model.node(
                "Div",
                "normalise.div",
                List.of("image.centred", "normalise.std"),
                NORMALISED,
                Map.of());
    }

    private void perChannel(String name, List<Float> values) {
        float[] array = new float[values.size()];
        IntStream.range(0, array.length).forEach(c -> array[c] = values.get(c));
        List<Long> shape = List.of(1L, (long) array.length, 1L, 1L);
        model.constant(name, shape, StoredTensor.of(shape, array).bytes());
    }

    private void add(Node node) {
        List<String> inputs = node.inputs().stream().map(this::tensorOf).toList();
        String output = tensorOf(node.name());
        if (node instanceof Node.Convolution convolution) {
            convolution(convolution, inputs.get(0), output);
        } else if (node instanceof Node.BatchNorm) {
            model.node(
                    "BatchNormalization",
                    node.name(),
                    List.of(
                            inputs.get(0),
                            constant(node, "weight"),
                            constant(node, "bias"),
                            constant(node, "running_mean"),
                            constant(node, "running_var")),
                    output,
                    Map.of(
                            "epsilon",
                            Node.BatchNorm.EPSILON,
                            "momentum",
                            1 - Node.BatchNorm.MOMENTUM));
        } else if (node instanceof Node.Relu) {
            model.node("Relu", node.name(), inputs, output, Map.of());
        } else if (node instanceof Node.Add) {
            model.node("Add", node.name(), inputs, output, Map.of());
        } else if (node instanceof Node.GlobalAveragePool) {
            model.node("GlobalAveragePool", node.name(), inputs, output, Map.of());
        } else if (node instanceof Node.Linear) {
            String flat = node.name() + ".flatten";
            model.node("Flatten", flat, inputs, flat, Map.of("axis", 1L));
            model.node(
                    "Gemm",
                    node.name(),
                    List.of(flat, constant(node, "weight"), constant(node, "bias")),
                    output,
                    Map.of("transB", 1L));
        } else if (!(node instanceof Node.Input)) {
            throw new IllegalStateException("node of an unknown kind: found=" + node);
        }
    }

    private void convolution(Node.Convolution node, String input, String output) {
        long kernel = node.kernel();
        long stride = node.stride();
        long padding = node.padding();
        model.node(
                "Conv",
                node.name(),
                List.of(input, constant(node, "weight")),
                output,
                Map.of(
                        "group", (long) node.groups(),
                        "kernel_shape", List.of(kernel, kernel),
                        "pads", List.of(padding, padding, padding, padding),
                        "strides", List.of(stride, stride)));
    }

    private String constant(Node node, String parameter) {
        String name = node.name() + "." + parameter;
        StoredTensor tensor = student.tensor(name);
        model.constant(name, tensor.shape(), tensor.bytes());
        return name;
    }

    private String tensorOf(String node) {
        if (node.equals(student.network().logits())) {
            return OUTPUT;
        }
        return student.network().node(node) instanceof Node.Input ? NORMALISED : node;
    }
}
