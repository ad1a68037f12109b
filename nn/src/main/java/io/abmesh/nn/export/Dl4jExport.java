package io.abmesh.nn.export;

import io.abmesh.nn.checkpoint.StoredTensor;
import io.abmesh.nn.network.FeatureShape;
import io.abmesh.nn.network.NetworkSpec;
import io.abmesh.nn.network.Node;
import io.abmesh.nn.network.ParameterSpec;
import io.abmesh.nn.teacher.PixelNormalization;
import io.abmesh.nn.teacher.TeacherDescription;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.ConvolutionMode;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.graph.ElementWiseVertex;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.DepthwiseConvolution2D;
import org.deeplearning4j.nn.conf.layers.GlobalPoolingLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.PoolingType;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.weights.WeightInit;
import org.deeplearning4j.util.ModelSerializer;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.NoOp;
import org.nd4j.linalg.lossfunctions.LossFunctions;

/**
 * Writes a student as a DL4J {@code ComputationGraph} archive of standard layers, which {@code
 * ModelSerializer.restoreComputationGraph} opens without a line of abmesh.
 *
 * <p>Input {@code image} {@code [N, C, H, W]}, raw pixels in 0 to 255. The normalisation is the 1x1
 * convolution {@code normalise} with {@code 1 / std} on the diagonal and {@code -mean / std} as its
 * bias, which no updater changes. {@code output(image)} gives the logits: the last layer {@code
 * logits} has the identity as its activation, since the same numbers as those of {@code
 * student.onnx} are worth more than a ready-made softmax. Layers carry the names of the network's
 * nodes. The archive's entry {@value #METADATA_ENTRY} has the metadata, one {@code key=value} a
 * line; DL4J ignores it.
 */
public final class Dl4jExport {
    /** Name of the archive's entry with the metadata. */
    public static final String METADATA_ENTRY = "abmesh.properties";

    private static final String NORMALISE = "normalise";
    private static final int CHUNK = 16;

    private final ExportedStudent student;

    private Dl4jExport(ExportedStudent student) {
        this.student = student;
    }

    /**
     * Writes a student, reads the archive back with DL4J and compares it with the trained network.
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
                temporary -> new Dl4jExport(student).save(temporary),
                (temporary, pixels, n) -> logits(temporary, student.network(), pixels, n),
                trained,
                images,
                count);
    }

    private void save(Path file) throws IOException {
        ComputationGraph graph = new ComputationGraph(configuration());
        graph.init();
        try {
            setParameters(graph);
            ModelSerializer.writeModel(graph, file.toFile(), false);
        } finally {
            graph.close();
        }
        try (FileSystem archive = FileSystems.newFileSystem(file, Map.of())) {
            Map<String, String> metadata = new TreeMap<>(student.allMetadata());
            metadata.put(TeacherDescription.INPUT_KEY, TeacherDescription.RAW_PIXELS);
            String lines =
                    metadata.entrySet().stream()
                            .map(entry -> entry.getKey() + "=" + entry.getValue() + "\n")
                            .collect(Collectors.joining());
            Files.writeString(archive.getPath(METADATA_ENTRY), lines, StandardCharsets.UTF_8);
        }
    }

    private static float[] logits(Path file, NetworkSpec network, ByteBuffer pixels, int count)
            throws IOException {
        FeatureShape image = network.inputShape();
        float[] logits = new float[count * network.classCount()];
        ComputationGraph graph = ModelSerializer.restoreComputationGraph(file.toFile(), false);
        try {
            for (int from = 0; from < count; from += CHUNK) {
                int size = Math.min(CHUNK, count - from);
                float[] values = new float[size * image.elements()];
                for (int i = 0; i < values.length; i++) {
                    values[i] = pixels.get(pixels.position() + from * image.elements() + i) & 0xff;
                }
                try (INDArray input =
                                array(
                                        List.of(
                                                (long) size,
                                                (long) image.channels(),
                                                (long) image.rows(),
                                                (long) image.columns()),
                                        values); // [size, C, H, W]
                        INDArray output = graph.outputSingle(input)) { // [size, classes]
                    float[] part = output.dup('c').data().asFloat();
                    System.arraycopy(part, 0, logits, from * network.classCount(), part.length);
                }
            }
        } finally {
            graph.close();
        }
        return logits;
    }

    private ComputationGraphConfiguration configuration() {
        NetworkSpec network = student.network();
        FeatureShape image = network.inputShape();
        String input = network.nodes().get(0).name();
        ComputationGraphConfiguration.GraphBuilder graph =
                new NeuralNetConfiguration.Builder()
                        .dataType(DataType.FLOAT)
                        .activation(Activation.IDENTITY)
                        .weightInit(WeightInit.ZERO)
                        .graphBuilder()
                        .addInputs(input)
                        .setInputTypes(
                                InputType.convolutional(
                                        image.rows(), image.columns(), image.channels()));
        graph.addLayer(
                NORMALISE,
                new ConvolutionLayer.Builder(1, 1)
                        .nIn(image.channels())
                        .nOut(image.channels())
                        .updater(new NoOp())
                        .biasUpdater(new NoOp())
                        .build(),
                input);
        for (Node node : student.nodes()) {
            add(graph, node);
        }
        return graph.setOutputs(layerOf(network.logits())).build();
    }

    private void add(ComputationGraphConfiguration.GraphBuilder graph, Node node) {
        String[] inputs = node.inputs().stream().map(this::layerOf).toArray(String[]::new);
        if (node instanceof Node.Add) {
            graph.addVertex(node.name(), new ElementWiseVertex(ElementWiseVertex.Op.Add), inputs);
        } else if (!(node instanceof Node.Input)) {
            graph.addLayer(layerOf(node.name()), layer(node), inputs);
        }
    }

    private Layer layer(Node node) {
        if (node instanceof Node.Convolution convolution) {
            return convolution(convolution);
        }
        if (node instanceof Node.BatchNorm norm) {
            int channels = student.network().shape(norm.input()).channels();
            return new BatchNormalization.Builder(1 - Node.BatchNorm.MOMENTUM, true)
                    .nIn(channels)
                    .nOut(channels)
                    .eps(Node.BatchNorm.EPSILON)
                    .useLogStd(false)
                    .build();
        }
        if (node instanceof Node.Relu) {
            return new ActivationLayer(Activation.RELU);
        }
        if (node instanceof Node.GlobalAveragePool) {
            return new GlobalPoolingLayer.Builder(PoolingType.AVG).build();
        }
        if (node instanceof Node.Linear linear) {
            int in = student.network().shape(linear.input()).elements();
            return linear.name().equals(student.network().logits())
                    ? new OutputLayer.Builder(LossFunctions.LossFunction.MSE)
                            .activation(Activation.IDENTITY)
                            .nIn(in)
                            .nOut(linear.outFeatures())
                            .build()
                    : new DenseLayer.Builder().nIn(in).nOut(linear.outFeatures()).build();
        }
        throw new IllegalStateException("node of an unknown kind: found=" + node);
    }

    private Layer convolution(Node.Convolution node) {
        int in = student.network().shape(node.input()).channels();
        if (node.depthwise()) {
            return new DepthwiseConvolution2D.Builder(node.kernel(), node.kernel())
                    .stride(node.stride(), node.stride())
                    .padding(node.padding(), node.padding())
                    .convolutionMode(ConvolutionMode.Truncate)
                    .depthMultiplier(1)
                    .hasBias(false)
                    .nIn(in)
                    .nOut(node.outChannels())
                    .build();
        }
        return new ConvolutionLayer.Builder(node.kernel(), node.kernel())
                .stride(node.stride(), node.stride())
                .padding(node.padding(), node.padding())
                .convolutionMode(ConvolutionMode.Truncate)
                .hasBias(false)
                .nIn(in)
                .nOut(node.outChannels())
                .build();
    }

    private void setParameters(ComputationGraph graph) {
        setNormalisation(graph);
        for (Node node : student.nodes()) {
            for (ParameterSpec parameter : student.network().parametersOf(node)) {
                StoredTensor tensor = student.tensor(parameter.name());
                try (INDArray values = array(tensor.shape(), tensor.floats())) {
                    String key = layerOf(node.name()) + "_" + key(parameter.kind());
                    set(graph, key, inLayoutOf(node, parameter.kind(), values));
                }
            }
        }
    }

    private void setNormalisation(ComputationGraph graph) {
        PixelNormalization normalization = student.normalization();
        int channels = normalization.mean().size();
        float[] weights = new float[channels * channels];
        float[] bias = new float[channels];
        for (int c = 0; c < channels; c++) {
            weights[c * channels + c] = 1 / normalization.std().get(c);
            bias[c] = -normalization.mean().get(c) / normalization.std().get(c);
        }
        try (INDArray weight = array(List.of((long) channels, (long) channels, 1L, 1L), weights);
                INDArray shift = array(List.of(1L, (long) channels), bias)) {
            set(graph, NORMALISE + "_W", weight);
            set(graph, NORMALISE + "_b", shift);
        }
    }

    /** Copies values into a parameter, whose own shape may have a leading one. */
    private static void set(ComputationGraph graph, String key, INDArray values) {
        INDArray parameter = graph.getParam(key);
        if (parameter.length() != values.length()) {
            throw new IllegalStateException(
                    "DL4J parameter of another size: name="
                            + key
                            + ", found="
                            + parameter.shapeInfoToString()
                            + ", expected="
                            + values.shapeInfoToString());
        }
        graph.setParam(key, values.reshape(parameter.shape()));
    }

    private static String key(ParameterSpec.Kind kind) {
        return switch (kind) {
            case CONVOLUTION_WEIGHT, LINEAR_WEIGHT -> "W";
            case LINEAR_BIAS -> "b";
            case SCALE -> "gamma";
            case SHIFT -> "beta";
            case RUNNING_MEAN -> "mean";
            case RUNNING_VARIANCE -> "var";
        };
    }

    private static INDArray inLayoutOf(Node node, ParameterSpec.Kind kind, INDArray values) {
        if (node instanceof Node.Convolution convolution && convolution.depthwise()) {
            return values.permute(2, 3, 0, 1); // [C, 1, kH, kW] -> [kH, kW, C, 1]
        }
        return kind == ParameterSpec.Kind.LINEAR_WEIGHT
                ? values.transpose() // [out, in] -> [in, out]
                : values;
    }

    private static INDArray array(List<Long> shape, float[] values) {
        return Nd4j.create(values, shape.stream().mapToLong(Long::longValue).toArray(), 'c');
    }

    private String layerOf(String node) {
        if (node.equals(student.network().logits())) {
            return OnnxExport.OUTPUT;
        }
        return student.network().node(node) instanceof Node.Input ? NORMALISE : node;
    }
}
