package io.abmesh.e2e.harness;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;

/**
 * Writes a small convolutional network with random weights as an ONNX file, field by field as
 * onnx.proto numbers them: three stages of one convolution and one Relu at full, half and quarter
 * size, then global average pooling and one linear layer. Enough of a teacher to see a mesh work,
 * in a few kilobytes.
 *
 * @param channels channels of the input
 * @param size rows and columns of the input; 0: any, which the file leaves open
 * @param classes width of the logits
 * @param stride stride between stages: 2 for the sizes of a wide residual network, 4 for sizes that
 *     no student has
 * @param weightOfNan true puts one NaN among the weights of the last convolution
 */
public record TinyOnnx(int channels, int size, int classes, int stride, boolean weightOfNan) {

    private static final int WIDTH = 8;
    private static final int FLOAT = 1;
    private static final int ATTRIBUTE_INTS = 7;

    /** Returns a teacher for Fashion-MNIST's ten classes of 28 x 28 pixels. */
    public static TinyOnnx fashion() {
        return new TinyOnnx(1, 28, 10, 2, false);
    }

    /** Returns the same with another number of classes. */
    public TinyOnnx withClasses(int newClasses) {
        return new TinyOnnx(channels, size, newClasses, stride, weightOfNan);
    }

    /** Returns the same with another stride between stages. */
    public TinyOnnx withStride(int newStride) {
        return new TinyOnnx(channels, size, classes, newStride, weightOfNan);
    }

    /** Returns the same for images of any size. */
    public TinyOnnx withAnySize() {
        return new TinyOnnx(channels, 0, classes, stride, weightOfNan);
    }

    /** Returns the same with a weight that is not a number. */
    public TinyOnnx withNan() {
        return new TinyOnnx(channels, size, classes, stride, true);
    }

    /** Writes the file and returns its path. */
    public Path write(Path file) throws IOException {
        return Files.write(file, model());
    }

    private byte[] model() {
        Random random = new Random(7);
        byte[] graph =
                message(
                        out -> {
                            String input = "image";
                            for (int stage = 1; stage <= 3; stage++) {
                                int from = stage == 1 ? channels : WIDTH;
                                int step = stage == 1 ? 1 : stride;
                                convolution(out, stage, input, step);
                                out.writeByteArray(
                                        5,
                                        weights(
                                                "w" + stage,
                                                random,
                                                stage == 3,
                                                WIDTH,
                                                from,
                                                3,
                                                3));
                                input = "r" + stage;
                            }
                            out.writeByteArray(
                                    1, node("pool", "GlobalAveragePool", "pooled", input));
                            out.writeByteArray(1, node("flat", "Flatten", "flat", "pooled"));
                            out.writeByteArray(
                                    1, node("fc", "MatMul", "logits", "flat", "fc.weight"));
                            out.writeByteArray(
                                    5, weights("fc.weight", random, false, WIDTH, classes));
                            out.writeString(2, "tiny");
                            out.writeByteArray(11, value("image", channels, size, size));
                            out.writeByteArray(12, value("logits", classes));
                        });
        return message(
                out -> {
                    out.writeInt64(1, 8);
                    out.writeString(2, "abmesh-e2e");
                    out.writeByteArray(7, graph);
                    out.writeByteArray(8, message(opset -> opset.writeInt64(2, 13)));
                });
    }

    private static void convolution(CodedOutputStream out, int stage, String input, int step)
            throws IOException {
        out.writeByteArray(
                1,
                message(
                        node -> {
                            node.writeString(1, input);
                            node.writeString(1, "w" + stage);
                            node.writeString(2, "c" + stage);
                            node.writeString(3, "conv" + stage);
                            node.writeString(4, "Conv");
                            node.writeByteArray(5, integers("kernel_shape", 3, 3));
                            node.writeByteArray(5, integers("pads", 1, 1, 1, 1));
                            node.writeByteArray(5, integers("strides", step, step));
                        }));
        out.writeByteArray(1, node("relu" + stage, "Relu", "r" + stage, "c" + stage));
    }

    private static byte[] node(String name, String operator, String output, String... inputs) {
        return message(
                out -> {
                    for (String input : inputs) {
                        out.writeString(1, input);
                    }
                    out.writeString(2, output);
                    out.writeString(3, name);
                    out.writeString(4, operator);
                });
    }

    private static byte[] integers(String name, int... values) {
        return message(
                out -> {
                    out.writeString(1, name);
                    for (int value : values) {
                        out.writeInt64(8, value);
                    }
                    out.writeInt32(20, ATTRIBUTE_INTS);
                });
    }

    private byte[] weights(String name, Random random, boolean last, int... dimensions) {
        int count = 1;
        for (int dimension : dimensions) {
            count *= dimension;
        }
        double scale = Math.sqrt(2.0 * dimensions[0] / count);
        ByteBuffer raw = ByteBuffer.allocate(4 * count).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < count; i++) {
            boolean nan = last && weightOfNan && i == 0;
            raw.putFloat(nan ? Float.NaN : (float) (random.nextGaussian() * scale));
        }
        return message(
                out -> {
                    for (int dimension : dimensions) {
                        out.writeInt64(1, dimension);
                    }
                    out.writeInt32(2, FLOAT);
                    out.writeString(8, name);
                    out.writeBytes(9, ByteString.copyFrom(raw.flip()));
                });
    }

    /** A float tensor {@code [N, dimensions]}; of these, 0 is left open. */
    private static byte[] value(String name, int... dimensions) {
        byte[] shape =
                message(
                        out -> {
                            out.writeByteArray(1, message(free -> free.writeString(2, "N")));
                            for (int dimension : dimensions) {
                                out.writeByteArray(
                                        1,
                                        message(
                                                size -> {
                                                    if (dimension > 0) {
                                                        size.writeInt64(1, dimension);
                                                    }
                                                }));
                            }
                        });
        byte[] tensor =
                message(
                        out -> {
                            out.writeInt32(1, FLOAT);
                            out.writeByteArray(2, shape);
                        });
        return message(
                out -> {
                    out.writeString(1, name);
                    out.writeByteArray(2, message(type -> type.writeByteArray(1, tensor)));
                });
    }

    @FunctionalInterface
    private interface Fields {
        void write(CodedOutputStream out) throws IOException;
    }

    private static byte[] message(Fields fields) {
        try {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            CodedOutputStream out = CodedOutputStream.newInstance(bytes);
            fields.write(out);
            out.flush();
            return bytes.toByteArray();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
