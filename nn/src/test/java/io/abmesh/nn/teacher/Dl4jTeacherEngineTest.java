package io.abmesh.nn.teacher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.deeplearning4j.nn.conf.CNN2DFormat;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.graph.ElementWiseVertex;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.GlobalPoolingLayer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.SubsamplingLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** Keras models and expected values come from {@code src/test/oracle/make_keras_teachers.py}. */
final class Dl4jTeacherEngineTest {
    private static final TeacherOptions TRUSTED = TeacherOptions.defaults().withTrusted(true);
    private static final int COUNT = 4;

    /** {@code pixel / 64 - 2}. */
    private static final PixelNormalization KERAS =
            new PixelNormalization(List.of(128f, 128f, 128f), List.of(64f, 64f, 64f));

    /** float32 in another order of summation, a few layers deep, at values of about one. */
    private static final float TOLERANCE = 1e-5f;

    @TempDir Path folder;

    @ParameterizedTest(name = "in chunks of {0}")
    @ValueSource(ints = {1, 3, 32})
    void aFunctionalKerasModelAnswersAsPyTorchDoes(int chunkSize) {
        Expected expected =
                Expected.read(
                        "keras-functional.bin",
                        List.of(3L, 16L, 16L),
                        List.of(COUNT * 4 * 256, COUNT * 8 * 64, COUNT * 5));
        try (TeacherEngine engine =
                        TeacherEngines.open(
                                fixture("keras-functional.h5"),
                                TeacherOptions.defaults().withChunkSize(chunkSize));
                TeacherSession session =
                        engine.open(engine.describe().autoTaps(), true, List.of(3L, 16L, 16L))) {
            TeacherResult result = session.infer(expected.images(), COUNT, KERAS);

            assertThat(engine.describe().autoTaps()).containsExactly("relu2", "relu3");
            assertThat(result.taps().stream().map(FloatTensor::shape))
                    .containsExactly(List.of(4L, 4L, 16L, 16L), List.of(4L, 8L, 8L, 8L));
            expected.check(result);
            assertThat(session.classCount()).isEqualTo(5);
            assertThat(session.resultBytesPerImage()).isEqualTo(4L * (4 * 256 + 8 * 64 + 5));
        }
    }

    @Test
    void aSequentialKerasModelWithBuiltInActivationsAnswersAsPyTorchDoes() {
        Expected expected =
                Expected.read(
                        "keras-sequential.bin",
                        List.of(3L, 12L, 8L),
                        List.of(COUNT * 4 * 96, COUNT * 6 * 24, COUNT * 7, COUNT * 5));
        try (TeacherEngine engine =
                        TeacherEngines.open(
                                fixture("keras-sequential.h5"), TeacherOptions.defaults());
                TeacherSession session =
                        engine.open(
                                List.of("conv1", "conv2", "hidden"), true, List.of(3L, 12L, 8L))) {
            assertThat(engine.describe().autoTaps()).containsExactly("conv1", "conv2");
            expected.check(session.infer(expected.images(), COUNT, KERAS));
        }
    }

    @Test
    void describesWhatAKerasModelIs() {
        try (TeacherEngine engine =
                TeacherEngines.open(fixture("keras-functional.h5"), TeacherOptions.defaults())) {
            TeacherDescription description = engine.describe();

            assertThat(description.engine()).isEqualTo("dl4j");
            assertThat(description.modelName()).isEqualTo("keras-functional.h5");
            assertThat(description.modelSha256()).matches("[0-9a-f]{64}");
            assertThat(description.input()).isEqualTo("image");
            assertThat(description.inputShape()).containsExactly(-1L, 3L, 16L, 16L);
            assertThat(description.classCount()).isEqualTo(5);
            assertThat(description.rawPixels()).isFalse();
            assertThat(description.taps())
                    .containsExactly(
                            new TapCandidate("relu1", "bn1", "Relu", List.of(4L, 16L, 16L)),
                            new TapCandidate("relu2", "add", "Relu", List.of(4L, 16L, 16L)),
                            new TapCandidate("relu3", "bn3", "Relu", List.of(8L, 8L, 8L)));
        }
    }

    @Test
    void aLambdaLayerIsRefused() {
        assertRefused(
                () -> TeacherEngines.open(fixture("keras-lambda.h5"), TRUSTED),
                TeacherException.Reason.MODEL_UNSUPPORTED,
                "Keras model has a Lambda layer: found=scale, expected=none, since it holds code,"
                        + " path="
                        + fixture("keras-lambda.h5"));
    }

    @Test
    void aTruncatedKerasFileIsOneClearError() throws IOException {
        byte[] whole = Files.readAllBytes(fixture("keras-functional.h5"));
        Path broken = folder.resolve("broken.h5");
        Files.write(broken, Arrays.copyOf(whole, whole.length / 2));

        assertThatThrownBy(() -> TeacherEngines.open(broken, TeacherOptions.defaults()))
                .isInstanceOf(TeacherException.class)
                .hasMessageStartingWith("DL4J cannot read the model: ")
                .hasMessageEndingWith("path=" + broken)
                .hasMessageNotContaining("\n");
    }

    @Test
    void aGraphWithBuiltInActivationsAndFrozenLayersIsTappedBeforeThem() throws IOException {
        ComputationGraph graph = new ComputationGraph(residualGraph());
        graph.init();
        randomize(graph.params());
        Path file = folder.resolve("graph.zip");
        ModelSerializer.writeModel(graph, file.toFile(), true);
        ByteBuffer images = images(2 * 3 * 64);

        try (TeacherEngine engine = TeacherEngines.open(file, TRUSTED);
                TeacherSession session =
                        engine.open(
                                List.of("conv", "relu", "dense", "add"),
                                true,
                                List.of(3L, 8L, 8L))) {
            assertThat(engine.describe().inputShape()).containsExactly(-1L, 3L, -1L, -1L);
            assertThat(engine.describe(List.of(3L, 8L, 8L)).taps())
                    .containsExactly(
                            new TapCandidate("conv", "conv", "Relu", List.of(4L, 8L, 8L)),
                            new TapCandidate("relu", "add", "Relu", List.of(4L, 8L, 8L)),
                            new TapCandidate("dense", "dense", "LeakyRelu", List.of(6L)));
            TeacherResult result = session.infer(images, 2, KERAS);

            Map<String, INDArray> outputs = graph.feedForward(input(images, 2, 3, 8, 8), false);
            INDArray sum = outputs.get("norm").add(outputs.get("conv")); // relu overwrote "add"
            assertThat(values(result.taps().get(1)))
                    .isEqualTo(values(result.taps().get(3)))
                    .usingComparatorWithPrecision(TOLERANCE)
                    .containsExactly(sum.dup('c').data().asFloat());
            assertThat(activated(values(result.taps().get(0)), 0))
                    .usingComparatorWithPrecision(TOLERANCE)
                    .containsExactly(outputs.get("conv").dup('c').data().asFloat());
            assertThat(activated(values(result.taps().get(2)), 0.01f))
                    .usingComparatorWithPrecision(TOLERANCE)
                    .containsExactly(outputs.get("dense").dup('c').data().asFloat());
            assertThat(values(result.taps().get(0)))
                    .as("before the activation")
                    .isNotEqualTo(activated(values(result.taps().get(0)), 0));
            assertThat(softmax(values(result.logits()), 5))
                    .usingComparatorWithPrecision(TOLERANCE)
                    .containsExactly(outputs.get("out").dup('c').data().asFloat());
        }
        graph.close();
    }

    @Test
    void aMultiLayerNetworkIsATeacherToo() throws IOException {
        MultiLayerNetwork network =
                new MultiLayerNetwork(
                        new NeuralNetConfiguration.Builder()
                                .list()
                                .layer(
                                        new ConvolutionLayer.Builder(3, 3)
                                                .nOut(4)
                                                .activation(Activation.RELU)
                                                .build())
                                .layer(new SubsamplingLayer.Builder().kernelSize(2, 2).build())
                                .layer(
                                        new DenseLayer.Builder()
                                                .nOut(6)
                                                .name("dense")
                                                .activation(Activation.RELU)
                                                .build())
                                .layer(
                                        new OutputLayer.Builder()
                                                .nOut(5)
                                                .activation(Activation.SOFTMAX)
                                                .build())
                                .setInputType(InputType.convolutionalFlat(10, 8, 1))
                                .build());
        network.init();
        randomize(network.params());
        Path file = folder.resolve("chain.zip");
        ModelSerializer.writeModel(network, file.toFile(), false);
        ByteBuffer images = images(3 * 80);

        try (TeacherEngine engine = TeacherEngines.open(file, TRUSTED.withChunkSize(2));
                TeacherSession session =
                        engine.open(List.of("dense"), true, List.of(1L, 10L, 8L))) {
            assertThat(engine.describe().inputShape()).containsExactly(-1L, 1L, 10L, 8L);
            assertThat(engine.describe().taps().stream().map(TapCandidate::sampleShape))
                    .containsExactly(List.of(4L, 8L, 6L), List.of(6L));
            TeacherResult result =
                    session.infer(images, 3, new PixelNormalization(List.of(128f), List.of(64f)));

            List<INDArray> outputs = network.feedForward(input(images, 3, 80));
            assertThat(activated(values(result.taps().get(0)), 0))
                    .usingComparatorWithPrecision(TOLERANCE)
                    .containsExactly(outputs.get(3).dup('c').data().asFloat());
            assertThat(softmax(values(result.logits()), 5))
                    .usingComparatorWithPrecision(TOLERANCE)
                    .containsExactly(outputs.get(4).dup('c').data().asFloat());
        }
        network.close();
    }

    @Test
    void aModelOfDenseLayersAloneThatKeepsItsChannelsLastTakesThemFirst() throws IOException {
        MultiLayerNetwork network =
                new MultiLayerNetwork(
                        new NeuralNetConfiguration.Builder()
                                .seed(3)
                                .list()
                                .layer(
                                        new DenseLayer.Builder()
                                                .nOut(6)
                                                .activation(Activation.RELU)
                                                .build())
                                .layer(
                                        new OutputLayer.Builder()
                                                .nOut(5)
                                                .activation(Activation.SOFTMAX)
                                                .build())
                                .setInputType(InputType.convolutional(4, 5, 3, CNN2DFormat.NHWC))
                                .build());
        network.init();
        Path file = folder.resolve("flat.zip");
        ModelSerializer.writeModel(network, file.toFile(), false);
        ByteBuffer images = images(2 * 3 * 4 * 5);

        try (TeacherEngine engine = TeacherEngines.open(file, TRUSTED);
                TeacherSession session =
                        engine.open(List.of("layer0"), true, List.of(3L, 4L, 5L))) {
            assertThat(engine.describe().inputShape()).containsExactly(-1L, 3L, 4L, 5L);
            TeacherResult result = session.infer(images, 2, KERAS);

            INDArray last = input(images, 2, 3, 4, 5).permute(0, 2, 3, 1).dup('c');
            assertThat(softmax(values(result.logits()), 5))
                    .usingComparatorWithPrecision(TOLERANCE)
                    .containsExactly(network.output(last).dup('c').data().asFloat());
        }
        network.close();
    }

    @Test
    void anArchiveIsReadOnlyIfTrusted() throws IOException {
        Path file = graphArchive();

        assertRefused(
                () -> TeacherEngines.open(file, TeacherOptions.defaults()),
                TeacherException.Reason.MODEL_NOT_TRUSTED,
                "DL4J archive is not trusted: found=trusted: false, expected=trusted: true under"
                        + " teacher in the plan (or --trusted) from someone who knows where it"
                        + " comes from, since its format names Java classes to load, path="
                        + file);
    }

    @Test
    void aTruncatedArchiveIsOneClearError() throws IOException {
        byte[] whole = Files.readAllBytes(graphArchive());
        Path broken = folder.resolve("broken.zip");
        Files.write(broken, Arrays.copyOf(whole, whole.length / 2));

        assertThatThrownBy(() -> TeacherEngines.open(broken, TeacherOptions.defaults()))
                .isInstanceOf(TeacherException.class)
                .hasMessageStartingWith(
                        "DL4J archive is damaged: found=" + whole.length / 2 + " bytes, ")
                .hasMessageEndingWith("path=" + broken)
                .hasMessageNotContaining("\n");
    }

    @Test
    void anotherZipFileIsNoArchive() throws IOException {
        Path file = folder.resolve("notes.zip");
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
            zip.putNextEntry(new ZipEntry("notes.txt"));
            zip.write(1);
        }

        assertRefused(
                () -> TeacherEngines.open(file, TRUSTED),
                TeacherException.Reason.MODEL_UNREADABLE,
                "not a DL4J archive: found=[notes.txt], expected=entries configuration.json and"
                        + " coefficients.bin, path="
                        + file);
    }

    @Test
    void refusesAnUnknownTapAndImagesOfAnotherSize() {
        try (TeacherEngine engine =
                TeacherEngines.open(fixture("keras-functional.h5"), TeacherOptions.defaults())) {
            assertThatThrownBy(() -> engine.open(List.of("relu9"), false, List.of(3L, 16L, 16L)))
                    .hasMessageStartingWith("no such tap: found=relu9, expected=an activation");
            assertRefused(
                    () -> engine.open(List.of(), true, List.of(3L, 8L, 8L)),
                    TeacherException.Reason.TENSOR_SIZE_MISMATCH,
                    "images do not fit the teacher: found=[3, 8, 8], expected=[3, 16, 16] (-1: any)");
        }
    }

    @Test
    void namesTapAndSampleOfAValueThatIsNotFinite() throws IOException {
        ComputationGraph graph = new ComputationGraph(residualGraph());
        graph.init();
        graph.getParam("dense_b").putScalar(0, Float.NaN);
        Path file = folder.resolve("nan.zip");
        ModelSerializer.writeModel(graph, file.toFile(), false);
        graph.close();

        try (TeacherEngine engine = TeacherEngines.open(file, TRUSTED);
                TeacherSession session =
                        engine.open(List.of("dense"), false, List.of(3L, 8L, 8L))) {
            assertRefused(
                    () -> session.infer(images(2 * 3 * 64), 2, null),
                    TeacherException.Reason.TEACHER_NOT_FINITE,
                    "teacher gave a value that is not finite: found=NaN, expected=finite, tap=dense,"
                            + " sample=0");
        }
    }

    @Test
    void dl4jComputesWithOneDnn() {
        try (TeacherEngine engine =
                TeacherEngines.open(fixture("keras-functional.h5"), TeacherOptions.defaults())) {
            ComputationGraph graph =
                    new ComputationGraph(residualGraph()); // made after the engine enabled it
            graph.init();

            assertThat(engine.describe().engine()).isEqualTo("dl4j");
            assertThat(graph.getLayer("conv").getHelper())
                    .isInstanceOf(org.deeplearning4j.nn.layers.mkldnn.MKLDNNConvHelper.class);
            graph.close();
        }
    }

    private Path graphArchive() throws IOException {
        ComputationGraph graph = new ComputationGraph(residualGraph());
        graph.init();
        Path file = folder.resolve("graph.zip");
        ModelSerializer.writeModel(graph, file.toFile(), false);
        graph.close();
        return file;
    }

    private static ComputationGraphConfiguration residualGraph() {
        return new NeuralNetConfiguration.Builder()
                .seed(3)
                .graphBuilder()
                .addInputs("in")
                .addLayer(
                        "conv",
                        new FrozenLayer(
                                new ConvolutionLayer.Builder(3, 3)
                                        .padding(1, 1)
                                        .nOut(4)
                                        .activation(Activation.RELU)
                                        .build()),
                        "in")
                .addLayer(
                        "inner",
                        new ConvolutionLayer.Builder(1, 1)
                                .nOut(4)
                                .activation(Activation.IDENTITY)
                                .build(),
                        "conv")
                .addLayer("norm", new BatchNormalization.Builder().build(), "inner")
                .addVertex("add", new ElementWiseVertex(ElementWiseVertex.Op.Add), "norm", "conv")
                .addLayer("relu", new ActivationLayer(Activation.RELU), "add")
                .addVertex("sum", new ElementWiseVertex(ElementWiseVertex.Op.Add), "relu", "add")
                .addLayer("pool", new GlobalPoolingLayer.Builder().build(), "sum")
                .addLayer(
                        "dense",
                        new DenseLayer.Builder().nOut(6).activation(Activation.LEAKYRELU).build(),
                        "pool")
                .addLayer(
                        "out",
                        new OutputLayer.Builder().nOut(5).activation(Activation.SOFTMAX).build(),
                        "dense")
                .setOutputs("out")
                .setInputTypes(InputType.convolutional(8, 8, 3))
                .build();
    }

    /** Small and positive enough that a variance among them is one. */
    private static void randomize(INDArray parameters) {
        SplittableRandom random = new SplittableRandom(5);
        for (long i = 0; i < parameters.length(); i++) {
            parameters.putScalar(i, random.nextDouble() - 0.35);
        }
    }

    private static ByteBuffer images(int bytes) {
        byte[] pixels = new byte[bytes];
        new SplittableRandom(9).nextBytes(pixels);
        return ByteBuffer.wrap(pixels);
    }

    private static INDArray input(ByteBuffer images, int... shape) {
        INDArray input = Nd4j.create(DataType.FLOAT, Arrays.stream(shape).asLongStream().toArray());
        for (int i = 0; i < images.capacity(); i++) {
            input.putScalar(i, ((images.get(i) & 0xff) - 128) / 64f);
        }
        return input;
    }

    private static float[] activated(float[] values, float slope) {
        float[] result = values.clone();
        for (int i = 0; i < result.length; i++) {
            result[i] = result[i] > 0 ? result[i] : slope * result[i];
        }
        return result;
    }

    private static float[] softmax(float[] logits, int classes) {
        float[] result = new float[logits.length];
        for (int row = 0; row < logits.length; row += classes) {
            double sum = 0;
            for (int i = row; i < row + classes; i++) {
                sum += Math.exp(logits[i]);
            }
            for (int i = row; i < row + classes; i++) {
                result[i] = (float) (Math.exp(logits[i]) / sum);
            }
        }
        return result;
    }

    private static void assertRefused(
            ThrowingCallable call, TeacherException.Reason reason, String message) {
        TeacherException refused = catchThrowableOfType(TeacherException.class, call);
        assertThat(refused).hasMessage(message);
        assertThat(refused.reason()).isEqualTo(reason);
    }

    private static Path fixture(String name) {
        return Fixtures.path(Dl4jTeacherEngineTest.class, name);
    }

    private static float[] values(FloatTensor tensor) {
        float[] values = new float[(int) tensor.elementCount()];
        tensor.bytes().asFloatBuffer().get(values);
        return values;
    }

    /** Taps, then logits. */
    private record Expected(ByteBuffer images, List<float[]> tensors) {
        static Expected read(String name, List<Long> image, List<Integer> sizes) {
            ByteBuffer file = Fixtures.bytes(Dl4jTeacherEngineTest.class, name);
            int bytes = COUNT * (int) FloatTensor.product(image);
            FloatBuffer floats =
                    file.slice(bytes, file.capacity() - bytes)
                            .order(ByteOrder.LITTLE_ENDIAN)
                            .asFloatBuffer();
            List<float[]> tensors = new ArrayList<>();
            for (int size : sizes) {
                float[] values = new float[size];
                floats.get(values);
                tensors.add(values);
            }
            assertThat(floats.hasRemaining()).isFalse();
            return new Expected(file.slice(0, bytes), tensors);
        }

        void check(TeacherResult result) {
            List<FloatTensor> found = new ArrayList<>(result.taps());
            found.add(result.logits());
            for (int i = 0; i < tensors.size(); i++) {
                float[] actual = values(found.get(i));
                assertThat(actual).as("tensor " + i).hasSameSizeAs(tensors.get(i));
                for (int j = 0; j < actual.length; j++) {
                    assertThat(actual[j])
                            .as("tensor " + i + " at " + j)
                            .isCloseTo(tensors.get(i)[j], within(TOLERANCE));
                }
            }
        }
    }
}
