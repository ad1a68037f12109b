package io.abmesh.nn.teacher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.abmesh.nn.onnx.OnnxTokenOutput;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import onnx.Onnx.AttributeProto;
import onnx.Onnx.ModelProto;
import onnx.Onnx.NodeProto;
import onnx.Onnx.StringStringEntryProto;
import onnx.Onnx.TensorProto;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.shade.protobuf.ByteString;

/** Models and expected values come from {@code src/test/oracle/make_teachers.py}. */
final class OnnxTeacherEngineTest {
    private static final PixelNormalization CIFAR =
            new PixelNormalization(List.of(125.3f, 123.0f, 113.9f), List.of(63.0f, 62.1f, 66.7f));
    private static final List<Long> SMALL = List.of(3L, 16L, 16L);
    private static final int COUNT = 5;

    /** float32 in another order of summation, a few layers deep, at values of about one. */
    private static final float TOLERANCE = 1e-5f;

    @TempDir Path folder;

    @ParameterizedTest(name = "in chunks of {0}")
    @ValueSource(ints = {1, 2, 5, 32})
    void tapsAndLogitsMatchPyTorch(int chunkSize) throws IOException {
        Expected expected = Expected.read();
        try (TeacherEngine engine =
                        TeacherEngines.open(
                                fixture("wrn.onnx"),
                                TeacherOptions.defaults().withChunkSize(chunkSize));
                TeacherSession session = engine.open(engine.describe().autoTaps(), true, SMALL)) {
            TeacherResult result = session.infer(expected.images(), COUNT, CIFAR);

            assertThat(result.taps().stream().map(FloatTensor::shape))
                    .containsExactly(
                            List.of(5L, 4L, 16L, 16L),
                            List.of(5L, 8L, 8L, 8L),
                            List.of(5L, 16L, 4L, 4L));
            for (int tap = 0; tap < 3; tap++) {
                assertThat(values(result.taps().get(tap)))
                        .usingComparatorWithPrecision(TOLERANCE)
                        .containsExactly(expected.tensors().get(tap));
            }
            assertThat(result.logits()).isNotNull();
            assertThat(values(result.logits()))
                    .usingComparatorWithPrecision(TOLERANCE)
                    .containsExactly(expected.tensors().get(3));
            assertThat(session.classCount()).isEqualTo(10);
            assertThat(session.resultBytesPerImage())
                    .isEqualTo(4L * (4 * 16 * 16 + 8 * 8 * 8 + 16 * 4 * 4 + 10));
        }
    }

    @Test
    void describesWhatTheModelIs() {
        try (TeacherEngine engine =
                TeacherEngines.open(fixture("wrn.onnx"), TeacherOptions.defaults())) {
            TeacherDescription description = engine.describe();

            assertThat(description.engine()).isEqualTo("onnxruntime");
            assertThat(description.modelName()).isEqualTo("wrn.onnx");
            assertThat(description.modelSha256()).matches("[0-9a-f]{64}");
            assertThat(description.input()).isEqualTo("image");
            assertThat(description.inputShape()).containsExactly(-1L, 3L, 16L, 16L);
            assertThat(description.classCount()).isEqualTo(10);
            assertThat(description.rawPixels()).isFalse();
            assertThat(description.taps()).hasSize(7);
            assertThat(description.taps().get(2))
                    .isEqualTo(
                            new TapCandidate(
                                    "/block2/relu1/Relu",
                                    "/block2/bn1/BatchNormalization_output_0",
                                    "Relu",
                                    List.of(4L, 16L, 16L)));
        }
    }

    @Test
    void aModelWhoseWeightsLieBesideItIsAnotherOneWithOtherWeights() throws IOException {
        Path model = folder.resolve("model.onnx");
        Files.write(
                model,
                weightsBeside(ModelProto.parseFrom(Files.readAllBytes(fixture("wrn.onnx")))));
        byte[] weights = Files.readAllBytes(folder.resolve("weights.bin"));
        String before = sha256(model);
        assertThat(sha256(model)).isEqualTo(before).matches("[0-9a-f]{64}");

        weights[3] ^= 1; // the sign of a weight, or its exponent's last bit: still a number
        Files.write(folder.resolve("weights.bin"), weights);
        assertThat(sha256(model)).isNotEqualTo(before);

        Files.delete(folder.resolve("weights.bin"));
        assertThatThrownBy(() -> sha256(model))
                .isInstanceOf(TeacherException.class)
                .hasMessageContaining("weights.bin");
    }

    private static String sha256(Path model) {
        try (TeacherEngine engine = TeacherEngines.open(model, TeacherOptions.defaults())) {
            return engine.describe().modelSha256();
        }
    }

    /** Writes the weights of a model into a file of their own and returns the model without. */
    private byte[] weightsBeside(ModelProto model) throws IOException {
        ModelProto.Builder beside = model.toBuilder();
        ByteArrayOutputStream weights = new ByteArrayOutputStream();
        for (TensorProto.Builder tensor : beside.getGraphBuilder().getInitializerBuilderList()) {
            if (tensor.getRawData().isEmpty()) {
                continue;
            }
            tensor.setDataLocation(TensorProto.DataLocation.EXTERNAL)
                    .addExternalData(entry("location", "weights.bin"))
                    .addExternalData(entry("offset", Integer.toString(weights.size())))
                    .addExternalData(entry("length", Integer.toString(tensor.getRawData().size())));
            weights.write(tensor.getRawData().toByteArray());
            tensor.clearRawData();
        }
        Files.write(folder.resolve("weights.bin"), weights.toByteArray());
        return beside.build().toByteArray();
    }

    private static StringStringEntryProto entry(String key, String value) {
        return StringStringEntryProto.newBuilder().setKey(key).setValue(value).build();
    }

    @Test
    void autoTakesTheResponseThatEntersTheNextStageInAPreActivationNetwork() {
        assertThat(autoTaps("wrn.onnx"))
                .containsExactly("/block2/relu1/Relu", "/block3/relu1/Relu", "/relu/Relu");
    }

    @Test
    void autoTakesResidualSumsInAResNetAndLeavesItsStemOut() {
        try (TeacherEngine engine =
                TeacherEngines.open(fixture("resnet.onnx"), TeacherOptions.defaults())) {
            TeacherDescription description = engine.describe(List.of(3L, 64L, 64L));
            assertThat(description.autoTaps())
                    .containsExactly(
                            "/stage1/relu3/Relu",
                            "/stage2/relu3/Relu",
                            "/stage3/relu3/Relu",
                            "/stage4/relu3/Relu");
            assertThat(description.taps())
                    .filteredOn(tap -> tap.name().equals("/stage1/relu3/Relu"))
                    .extracting(TapCandidate::sampleShape)
                    .containsExactly(List.of(8L, 16L, 16L));
        }
    }

    @Test
    void autoTakesTheNextStagesExpansionInAMobileNetV2() {
        assertThat(autoTaps("mobilenetv2.onnx")).containsExactly("/act5/Clip", "/last_act/Clip");
    }

    @Test
    void autoTakesTheLastActivationBeforeEachPoolInAVgg() {
        assertThat(autoTaps("vgg.onnx"))
                .containsExactly(
                        "/features/features.3/LeakyRelu",
                        "/features/features.8/LeakyRelu",
                        "/features/features.13/LeakyRelu");
    }

    @Test
    void autoTakesEveryDenseResponseOfAMultiLayerPerceptron() {
        assertDense(
                "mlp",
                List.of("/relu1/Relu", "/relu2/Relu"),
                List.of(List.of(12L), List.of(6L)),
                "Relu");
    }

    @Test
    void autoTakesTheTokenOutputOfATransformer() {
        assertDense("vit", List.of("/head/Gemm"), List.of(List.of(8L)), OnnxTokenOutput.KIND);
    }

    /** What PyTorch saw enter these nodes, and its logits. */
    private static void assertDense(
            String model, List<String> taps, List<List<Long>> shapes, String kind) {
        List<Long> image = List.of(1L, 8L, 8L);
        try (TeacherEngine engine =
                        TeacherEngines.open(fixture(model + ".onnx"), TeacherOptions.defaults());
                TeacherSession session = engine.open(taps, true, image)) {
            assertThat(engine.describe().autoTaps()).isEqualTo(taps);
            assertThat(engine.describe().taps())
                    .allMatch(tap -> tap.activation().equals(kind))
                    .extracting(TapCandidate::sampleShape)
                    .isEqualTo(shapes);
            List<Integer> widths = new ArrayList<>();
            shapes.forEach(shape -> widths.add(COUNT * Math.toIntExact(shape.get(0))));
            widths.add(COUNT * 7);
            Expected expected = Expected.read(model + ".bin", COUNT * 64, widths);

            TeacherResult result = session.infer(expected.images(), COUNT, null);

            for (int tap = 0; tap < taps.size(); tap++) {
                assertThat(result.taps().get(tap).shape())
                        .containsExactly((long) COUNT, shapes.get(tap).get(0));
                assertThat(values(result.taps().get(tap)))
                        .usingComparatorWithPrecision(TOLERANCE)
                        .containsExactly(expected.tensors().get(tap));
            }
            assertThat(values(Objects.requireNonNull(result.logits())))
                    .usingComparatorWithPrecision(TOLERANCE)
                    .containsExactly(expected.tensors().get(taps.size()));
        }
    }

    @Test
    void knowsReLU6AndSwishesFromGates() {
        try (TeacherEngine engine =
                TeacherEngines.open(fixture("mobilenetv2.onnx"), TeacherOptions.defaults())) {
            assertThat(engine.describe().taps().stream().map(TapCandidate::activation))
                    .containsExactly(
                            "HardSwish",
                            "Clip",
                            "Clip",
                            "Clip",
                            "Swish",
                            "Relu",
                            "Clip",
                            "Clip",
                            "Clip");
        }
    }

    @Test
    void describesAModelOfOpenImageSizeWithoutShapes() {
        try (TeacherEngine engine =
                TeacherEngines.open(fixture("resnet.onnx"), TeacherOptions.defaults())) {
            assertThat(engine.describe().inputShape()).containsExactly(-1L, 3L, -1L, -1L);
            assertThat(engine.describe().taps()).allMatch(tap -> tap.sampleShape().isEmpty());
            assertThat(engine.describe().autoTaps()).hasSize(4);
            try (TeacherSession session =
                    engine.open(engine.describe().autoTaps(), true, List.of(3L, 32L, 48L))) {
                assertThat(session.taps().get(0).sampleShape()).containsExactly(8L, 8L, 12L);
                assertThat(
                                session.infer(ByteBuffer.allocate(2 * 3 * 32 * 48), 2, null)
                                        .taps()
                                        .get(0)
                                        .shape())
                        .containsExactly(2L, 8L, 8L, 12L);
            }
        }
    }

    @Test
    void aModelOfOpenImageSizeTellsTheShapesThatItHasAtTheSizeOfTheImages() {
        try (TeacherEngine engine =
                TeacherEngines.open(fixture("resnet.onnx"), TeacherOptions.defaults())) {
            TeacherDescription open = engine.describe();
            TeacherDescription small = engine.describe(List.of(3L, 32L, 48L));

            assertThat(small.taps()).hasSameSizeAs(open.taps());
            assertThat(small.taps().get(small.taps().size() - 1).sampleShape())
                    .hasSize(3)
                    .endsWith(1L, 2L);
            assertThat(small.inputShape()).isEqualTo(open.inputShape());
            assertThat(small.classCount()).isEqualTo(open.classCount()).isPositive();
        }
    }

    @Test
    void aModelThatRunsAtOneSizeOnlyHasItsLogitsThere() throws IOException {
        Path file = flattening();
        try (TeacherEngine engine = TeacherEngines.open(file, TeacherOptions.defaults())) {
            assertThat(engine.describe().classCount()).as("runs at none of the usual").isZero();

            TeacherDescription fitting = engine.describe(List.of(1L, 8L, 8L));
            assertThat(fitting.classCount()).isEqualTo(7);
            assertThat(fitting.taps())
                    .extracting(TapCandidate::sampleShape)
                    .containsExactly(List.of(12L), List.of(6L));
            try (TeacherSession session = engine.open(List.of(), true, List.of(1L, 8L, 8L))) {
                assertThat(session.classCount()).isEqualTo(7);
            }
            assertRefusedForItsSize(engine, List.of(1L, 9L, 8L), "ONNX Runtime cannot run");
            assertRefusedForItsSize(engine, List.of(3L, 8L, 8L), "expected=[1, -1, -1]");
            assertRefusedForItsSize(engine, List.of(8L, 8L), "expected=[1, -1, -1]");
        }
    }

    private static void assertRefusedForItsSize(
            TeacherEngine engine, List<Long> imageShape, String why) {
        TeacherException refused =
                catchThrowableOfType(TeacherException.class, () -> engine.describe(imageShape));
        assertThat(refused.reason()).isEqualTo(TeacherException.Reason.TENSOR_SIZE_MISMATCH);
        assertThat(refused)
                .hasMessageStartingWith("images do not fit the teacher: found=" + imageShape + ", ")
                .hasMessageContaining(why)
                .hasMessageNotContaining("\n");
    }

    /** The perceptron of 8 x 8 pixels, whose file does not say so. */
    private Path flattening() throws IOException {
        ModelProto.Builder model =
                ModelProto.parseFrom(Files.readAllBytes(fixture("mlp.onnx"))).toBuilder();
        for (int dimension : new int[] {2, 3}) {
            model.getGraphBuilder()
                    .getInputBuilder(0)
                    .getTypeBuilder()
                    .getTensorTypeBuilder()
                    .getShapeBuilder()
                    .getDimBuilder(dimension)
                    .setDimParam("side" + dimension);
        }
        return Files.write(folder.resolve("flattening.onnx"), model.build().toByteArray());
    }

    @Test
    void logitsAreWhatEntersTheSoftmax() {
        try (TeacherEngine engine =
                        TeacherEngines.open(fixture("resnet.onnx"), TeacherOptions.defaults());
                TeacherSession session = engine.open(List.of(), true, List.of(3L, 64L, 64L))) {
            FloatTensor logits = session.infer(ByteBuffer.allocate(3 * 64 * 64), 1, null).logits();

            assertThat(logits).isNotNull();
            double sum = 0;
            for (float value : values(logits)) {
                sum += value;
            }
            assertThat(Math.abs(sum - 1)).as("distance from a distribution").isGreaterThan(0.01);
        }
    }

    @Test
    void logitsAreWhatEntersTheSoftmaxThoughItsProbabilitiesPassOtherNodes() throws IOException {
        Path file = folder.resolve("passed-on.onnx");
        Files.write(
                file,
                passedOn("resnet.onnx", "Softmax", "Identity", "Flatten", "Identity")
                        .toByteArray());

        assertThat(logits(file, List.of(3L, 64L, 64L)))
                .isEqualTo(logits(fixture("resnet.onnx"), List.of(3L, 64L, 64L)));
    }

    @Test
    void logitsThatPassOtherNodesAreTheOutputWhereThereIsNoSoftmax() throws IOException {
        Path file = folder.resolve("passed-on.onnx");
        Files.write(file, passedOn("mlp.onnx", "Gemm", "Identity", "Flatten").toByteArray());

        assertThat(logits(file, List.of(1L, 8L, 8L)))
                .isEqualTo(logits(fixture("mlp.onnx"), List.of(1L, 8L, 8L)));
    }

    /** A model whose last node has some others of one input each behind it. */
    private static ModelProto passedOn(String name, String last, String... operators)
            throws IOException {
        ModelProto.Builder model =
                ModelProto.parseFrom(Files.readAllBytes(fixture(name))).toBuilder();
        NodeProto.Builder end =
                model.getGraphBuilder().getNodeBuilder(model.getGraph().getNodeCount() - 1);
        assertThat(end.getOpType()).isEqualTo(last);
        String output = end.getOutput(0);
        end.setOutput(0, "passed0");
        for (int i = 0; i < operators.length; i++) {
            model.getGraphBuilder()
                    .addNode(
                            NodeProto.newBuilder()
                                    .setName("pass" + i)
                                    .setOpType(operators[i])
                                    .addInput("passed" + i)
                                    .addOutput(
                                            i == operators.length - 1
                                                    ? output
                                                    : "passed" + (i + 1)));
        }
        return model.build();
    }

    private static float[] logits(Path model, List<Long> imageShape) {
        try (TeacherEngine engine = TeacherEngines.open(model, TeacherOptions.defaults());
                TeacherSession session = engine.open(List.of(), true, imageShape)) {
            byte[] image = new byte[(int) FloatTensor.product(imageShape)];
            new SplittableRandom(2).nextBytes(image);
            return values(
                    Objects.requireNonNull(
                            session.infer(ByteBuffer.wrap(image), 1, null).logits()));
        }
    }

    @Test
    void anActivationOfAnotherTypeIsNoTapAndTheOthersAre() throws IOException {
        ModelProto.Builder model =
                ModelProto.parseFrom(Files.readAllBytes(fixture("wrn.onnx"))).toBuilder();
        List<NodeProto> nodes = new ArrayList<>();
        for (NodeProto node : model.getGraph().getNodeList()) {
            if (node.getName().equals("/block2/relu1/Relu")) {
                nodes.add(cast(node.getInput(0), "wide", TensorProto.DataType.DOUBLE));
                nodes.add(node.toBuilder().setInput(0, "wide").setOutput(0, "active").build());
                nodes.add(cast("active", node.getOutput(0), TensorProto.DataType.FLOAT));
            } else {
                nodes.add(node);
            }
        }
        model.getGraphBuilder().clearNode().addAllNode(nodes);
        Path file = folder.resolve("mixed.onnx");
        Files.write(file, model.build().toByteArray());

        try (TeacherEngine engine = TeacherEngines.open(file, TeacherOptions.defaults())) {
            assertThat(engine.describe().taps())
                    .hasSize(6)
                    .noneMatch(tap -> tap.name().equals("/block2/relu1/Relu"));
            assertThat(engine.describe().classCount()).isEqualTo(10);
        }
    }

    private static NodeProto cast(String from, String to, TensorProto.DataType type) {
        return NodeProto.newBuilder()
                .setName("cast." + to)
                .setOpType("Cast")
                .addInput(from)
                .addOutput(to)
                .addAttribute(
                        AttributeProto.newBuilder()
                                .setName("to")
                                .setType(AttributeProto.AttributeType.INT)
                                .setI(type.getNumber()))
                .build();
    }

    /**
     * What is in the cache is not computed again, so which samples are computed together depends on
     * what came before: the answers must not.
     */
    @ParameterizedTest(name = "{0}, {1} channels, side {2}")
    @CsvSource({"wrn, 3, 16", "resnet, 3, 64", "mobilenetv2, 3, 32", "mlp, 1, 8", "vit, 1, 8"})
    void aSampleHasTheSameBitsWhateverIsComputedWithIt(String model, long channels, long side) {
        List<Long> shape = List.of(channels, side, side);
        int imageBytes = Math.toIntExact(channels * side * side);
        byte[] images = new byte[12 * imageBytes];
        new SplittableRandom(1).nextBytes(images);
        PixelNormalization normalization =
                new PixelNormalization(
                        Collections.nCopies((int) channels, 120f),
                        Collections.nCopies((int) channels, 60f));
        try (TeacherEngine engine =
                        TeacherEngines.open(fixture(model + ".onnx"), TeacherOptions.defaults());
                TeacherSession session = engine.open(engine.describe().autoTaps(), true, shape)) {
            List<float[]> together =
                    answers(session.infer(ByteBuffer.wrap(images), 12, normalization));
            for (int size : new int[] {1, 2, 5, 7}) {
                ByteBuffer some = ByteBuffer.wrap(images, 4 * imageBytes, size * imageBytes);
                List<float[]> apart = answers(session.infer(some.slice(), size, normalization));
                for (int i = 0; i < together.size(); i++) {
                    int values = together.get(i).length / 12;
                    assertThat(apart.get(i))
                            .as("answer %d of %d samples", i, size)
                            .isEqualTo(
                                    Arrays.copyOfRange(
                                            together.get(i), 4 * values, (4 + size) * values));
                }
            }
        }
    }

    /** Taps, then logits. */
    private static List<float[]> answers(TeacherResult result) {
        List<float[]> answers = new ArrayList<>();
        result.taps().forEach(tap -> answers.add(values(tap)));
        answers.add(values(Objects.requireNonNull(result.logits())));
        return answers;
    }

    @Test
    void aFixedBatchSizeIsFilledUp() {
        ByteBuffer images = ByteBuffer.allocate(6 * 64);
        for (int i = 0; i < images.capacity(); i++) {
            images.put(i, (byte) (i * 37 + i / 64));
        }
        try (TeacherEngine engine =
                        TeacherEngines.open(fixture("vgg.onnx"), TeacherOptions.defaults());
                TeacherSession session =
                        engine.open(engine.describe().autoTaps(), true, List.of(1L, 8L, 8L))) {
            float[] together = values(session.infer(images, 6, null).taps().get(2));
            float[] alone =
                    values(
                            session.infer(images.duplicate().position(5 * 64), 1, null)
                                    .taps()
                                    .get(2));

            assertThat(alone).hasSize(8 * 2 * 2);
            assertThat(Arrays.copyOfRange(together, 5 * 32, 6 * 32))
                    .usingComparatorWithPrecision(TOLERANCE)
                    .containsExactly(alone);
        }
    }

    @Test
    void aTapMayBeNamedByItsTensor() {
        Expected expected = Expected.read();
        try (TeacherEngine engine =
                        TeacherEngines.open(fixture("wrn.onnx"), TeacherOptions.defaults());
                TeacherSession session =
                        engine.open(
                                List.of("/bn/BatchNormalization_output_0", "/relu/Relu"),
                                false,
                                SMALL)) {
            TeacherResult result = session.infer(expected.images(), COUNT, CIFAR);

            assertThat(session.taps().get(0).name()).isEqualTo("/relu/Relu");
            assertThat(result.logits()).isNull();
            assertThat(values(result.taps().get(0))).containsExactly(values(result.taps().get(1)));
        }
    }

    @Test
    void refusesAnUnknownTapAndListsTheNearest() {
        try (TeacherEngine engine =
                TeacherEngines.open(fixture("wrn.onnx"), TeacherOptions.defaults())) {
            TeacherException refused =
                    catchThrowableOfType(
                            TeacherException.class,
                            () -> engine.open(List.of("/block2/relu/Relu"), false, SMALL));

            assertThat(refused.reason()).isEqualTo(TeacherException.Reason.TAP_NOT_FOUND);
            assertThat(refused)
                    .hasMessageStartingWith(
                            "no such tap: found=/block2/relu/Relu, expected=an activation of the model,"
                                    + " nearest=[/block2/relu1/Relu, /block2/relu2/Relu");
            assertThat(refused.metadata()).containsEntry("tap", "/block2/relu/Relu");
        }
    }

    @Test
    void refusesImagesOfAnotherSize() {
        try (TeacherEngine engine =
                TeacherEngines.open(fixture("wrn.onnx"), TeacherOptions.defaults())) {
            assertRefused(
                    () -> engine.open(List.of(), true, List.of(1L, 28L, 28L)),
                    TeacherException.Reason.TENSOR_SIZE_MISMATCH,
                    "images do not fit the teacher: found=[1, 28, 28], expected=[3, 16, 16] (-1: any)");
            try (TeacherSession session = engine.open(List.of(), true, SMALL)) {
                assertRefused(
                        () -> session.infer(ByteBuffer.allocate(100), 2, null),
                        TeacherException.Reason.TENSOR_SIZE_MISMATCH,
                        "image size mismatch: found=100 bytes, expected=1536, shape=[2, 3, 16, 16]");
                assertRefused(
                        () ->
                                session.infer(
                                        ByteBuffer.allocate(768),
                                        1,
                                        new PixelNormalization(List.of(1f), List.of(1f))),
                        TeacherException.Reason.TENSOR_SIZE_MISMATCH,
                        "normalization channels mismatch: found=1, expected=3");
            }
        }
    }

    @Test
    void refusesImagesOfASizeThatAModelLeavesOpenAndDoesNotRunAt() throws IOException {
        ModelProto.Builder model =
                ModelProto.parseFrom(Files.readAllBytes(fixture("mlp.onnx"))).toBuilder();
        var image =
                model.getGraphBuilder()
                        .getInputBuilder(0)
                        .getTypeBuilder()
                        .getTensorTypeBuilder()
                        .getShapeBuilder();
        image.getDimBuilder(2).setDimParam("H");
        image.getDimBuilder(3).setDimParam("W");
        Path open = folder.resolve("open.onnx");
        Files.write(open, model.build().toByteArray());

        try (TeacherEngine engine = TeacherEngines.open(open, TeacherOptions.defaults())) {
            assertThat(engine.describe().inputShape()).containsExactly(-1L, 1L, -1L, -1L);
            TeacherException refused =
                    catchThrowableOfType(
                            TeacherException.class,
                            () -> engine.open(List.of("/relu1/Relu"), false, List.of(1L, 8L, 9L)));

            assertThat(refused.reason()).isEqualTo(TeacherException.Reason.TENSOR_SIZE_MISMATCH);
            assertThat(refused)
                    .hasMessageStartingWith(
                            "ONNX Runtime cannot run the model on one image: shape=[1, 8, 9], ");
        }
    }

    @ParameterizedTest(name = "operator set {0}")
    @ValueSource(longs = {13, 15})
    void refusesBatchNormsThatTakeTheStatisticsOfTheBatch(long opset) throws IOException {
        ModelProto.Builder model =
                ModelProto.parseFrom(Files.readAllBytes(fixture("wrn.onnx"))).toBuilder();
        model.getOpsetImportBuilder(0).setVersion(opset);
        NodeProto.Builder norm =
                model.getGraphBuilder().getNodeBuilderList().stream()
                        .filter(node -> node.getOpType().equals("BatchNormalization"))
                        .findFirst()
                        .orElseThrow();
        if (opset > 13) {
            norm.addAttribute(
                    AttributeProto.newBuilder()
                            .setName("training_mode")
                            .setType(AttributeProto.AttributeType.INT)
                            .setI(1));
        }
        norm.addOutput("mean").addOutput("variance");

        assertInTraining(model, "BatchNormalization " + norm.getName());
    }

    @Test
    void refusesADropoutThatDrops() throws IOException {
        ModelProto.Builder model =
                ModelProto.parseFrom(Files.readAllBytes(fixture("wrn.onnx"))).toBuilder();
        model.getGraphBuilder()
                .addInitializer(
                        TensorProto.newBuilder()
                                .setName("training")
                                .setDataType(TensorProto.DataType.BOOL.getNumber())
                                .setRawData(ByteString.copyFrom(new byte[] {1})))
                .addNode(
                        NodeProto.newBuilder()
                                .setOpType("Dropout")
                                .addInput("logits")
                                .addInput("")
                                .addInput("training")
                                .addOutput("dropped"));

        assertInTraining(model, "Dropout dropped");
    }

    private void assertInTraining(ModelProto.Builder model, String found) throws IOException {
        Path file = folder.resolve("training.onnx");
        Files.write(file, model.build().toByteArray());
        assertRefused(
                () -> TeacherEngines.open(file, TeacherOptions.defaults()),
                TeacherException.Reason.MODEL_UNSUPPORTED,
                "model is in training mode: found="
                        + found
                        + ", expected=a model exported for inference");
    }

    @Test
    void namesTapAndSampleOfAValueThatIsNotFinite() throws IOException {
        ModelProto model = ModelProto.parseFrom(Files.readAllBytes(fixture("wrn.onnx")));
        Path broken = folder.resolve("nan.onnx");
        Files.write(broken, withFirstValue(model, "fc.bias", Float.NaN).toByteArray());
        try (TeacherEngine engine =
                        TeacherEngines.open(broken, TeacherOptions.defaults().withChunkSize(2));
                TeacherSession session = engine.open(List.of("/relu/Relu"), true, SMALL)) {
            TeacherException refused =
                    catchThrowableOfType(
                            TeacherException.class,
                            () -> session.infer(ByteBuffer.allocate(3 * 768), 3, null));

            assertThat(refused.reason()).isEqualTo(TeacherException.Reason.TEACHER_NOT_FINITE);
            assertThat(refused)
                    .hasMessage(
                            "teacher gave a value that is not finite: found=NaN, expected=finite,"
                                    + " tap=logits, sample=0");
            assertThat(refused.metadata())
                    .isEqualTo(Map.of("tap", "logits", "sample", "0", "value", "NaN"));
        }
    }

    @Test
    void rawPixelsAreDeclaredByMetadata() throws IOException {
        ModelProto model = ModelProto.parseFrom(Files.readAllBytes(fixture("wrn.onnx")));
        Path raw = folder.resolve("raw.onnx");
        Files.write(
                raw,
                model.toBuilder()
                        .addMetadataProps(
                                StringStringEntryProto.newBuilder()
                                        .setKey("abmesh.input")
                                        .setValue("raw-pixels"))
                        .build()
                        .toByteArray());

        try (TeacherEngine engine = TeacherEngines.open(raw, TeacherOptions.defaults())) {
            assertThat(engine.describe().rawPixels()).isTrue();
        }
    }

    @Test
    void refusesAMissingFile() {
        Path missing = folder.resolve("missing.onnx");

        assertRefused(
                () -> TeacherEngines.open(missing, TeacherOptions.defaults()),
                TeacherException.Reason.MODEL_NOT_FOUND,
                "no such model: found=nothing, expected=a file, path=" + missing);
    }

    @Test
    void refusesATruncatedFile() throws IOException {
        byte[] whole = Files.readAllBytes(fixture("wrn.onnx"));
        Path broken = folder.resolve("broken.onnx");
        Files.write(broken, Arrays.copyOf(whole, whole.length / 2));

        assertRefused(
                () -> TeacherEngines.open(broken, TeacherOptions.defaults()),
                TeacherException.Reason.MODEL_UNREADABLE,
                "not an ONNX model: found="
                        + whole.length / 2
                        + " bytes that do not parse, path="
                        + broken);
    }

    @Test
    void refusesAnOpsetThatOnnxRuntimeDoesNotKnow() throws IOException {
        ModelProto.Builder model =
                ModelProto.parseFrom(Files.readAllBytes(fixture("wrn.onnx"))).toBuilder();
        model.getOpsetImportBuilder(0).setVersion(999);
        Path future = folder.resolve("future.onnx");
        Files.write(future, model.build().toByteArray());

        assertThatThrownBy(() -> TeacherEngines.open(future, TeacherOptions.defaults()))
                .isInstanceOf(TeacherException.class)
                .hasMessageStartingWith("ONNX Runtime does not take the model: ")
                .hasMessageContaining("999")
                .hasMessageNotContaining("\n");
    }

    @Test
    void refusesAnInputThatIsNoImage() throws IOException {
        ModelProto.Builder model =
                ModelProto.parseFrom(Files.readAllBytes(fixture("wrn.onnx"))).toBuilder();
        model.getGraphBuilder()
                .getInputBuilder(0)
                .getTypeBuilder()
                .getTensorTypeBuilder()
                .getShapeBuilder()
                .clearDim()
                .addDimBuilder()
                .setDimValue(768);
        Path flat = folder.resolve("flat.onnx");
        Files.write(flat, model.build().toByteArray());

        assertRefused(
                () -> TeacherEngines.open(flat, TeacherOptions.defaults()),
                TeacherException.Reason.MODEL_UNSUPPORTED,
                "model input: found=image of shape [768], expected=one float32 input [N, C, H, W]");
    }

    @Test
    void refusesCudaWhereTheGpuBuildIsMissing() {
        assertThatThrownBy(
                        () ->
                                TeacherEngines.open(
                                        fixture("wrn.onnx"),
                                        TeacherOptions.defaults()
                                                .withDevice(TeacherOptions.Device.CUDA)))
                .isInstanceOf(TeacherException.class)
                .hasMessageStartingWith("ONNX Runtime has no CUDA here: ");
    }

    @Test
    void autoFindsTheStagesOfATeacherTrainedElsewhere() {
        Path root = Path.of(System.getProperty("abmesh.root", ".")).toAbsolutePath().normalize();
        Path teacher = root.resolve("shared/teachers/wrn-16-2-cifar10.onnx");
        for (Path at = root; at != null && !Files.exists(teacher); at = at.getParent()) {
            teacher = at.resolve("shared/teachers/wrn-16-2-cifar10.onnx");
        }
        assumeThat(teacher).as("the WRN-16-2 of the development machine").exists();
        try (TeacherEngine engine = TeacherEngines.open(teacher, TeacherOptions.defaults())) {
            assertThat(
                            engine.describe().autoTaps().stream()
                                    .map(engine::resolve)
                                    .map(TapCandidate::sampleShape))
                    .containsExactly(
                            List.of(32L, 32L, 32L), List.of(64L, 16L, 16L), List.of(128L, 8L, 8L));
        }
    }

    private static List<String> autoTaps(String model) {
        try (TeacherEngine engine =
                TeacherEngines.open(fixture(model), TeacherOptions.defaults())) {
            return engine.describe().autoTaps();
        }
    }

    private static void assertRefused(
            ThrowingCallable call, TeacherException.Reason reason, String message) {
        TeacherException refused = catchThrowableOfType(TeacherException.class, call);
        assertThat(refused.reason()).isEqualTo(reason);
        assertThat(refused).hasMessage(message);
    }

    private static ModelProto withFirstValue(ModelProto model, String tensor, float value) {
        ModelProto.Builder edited = model.toBuilder();
        for (TensorProto.Builder initializer :
                edited.getGraphBuilder().getInitializerBuilderList()) {
            if (initializer.getName().equals(tensor)) {
                byte[] raw = initializer.getRawData().toByteArray();
                ByteBuffer.wrap(raw).order(ByteOrder.LITTLE_ENDIAN).putFloat(0, value);
                initializer.setRawData(ByteString.copyFrom(raw));
            }
        }
        return edited.build();
    }

    private static Path fixture(String name) {
        return Fixtures.path(OnnxTeacherEngineTest.class, name);
    }

    private static float[] values(FloatTensor tensor) {
        float[] values = new float[(int) tensor.elementCount()];
        tensor.bytes().asFloatBuffer().get(values);
        return values;
    }

    private record Expected(ByteBuffer images, List<float[]> tensors) {
        static Expected read() {
            return read(
                    "wrn.bin",
                    COUNT * 768,
                    List.of(COUNT * 4 * 256, COUNT * 8 * 64, COUNT * 16 * 16, COUNT * 10));
        }

        static Expected read(String name, int imageBytes, List<Integer> elements) {
            ByteBuffer file = Fixtures.bytes(OnnxTeacherEngineTest.class, name);
            ByteBuffer images = file.slice(0, imageBytes);
            FloatBuffer floats =
                    file.slice(imageBytes, file.capacity() - imageBytes)
                            .order(ByteOrder.LITTLE_ENDIAN)
                            .asFloatBuffer();
            List<float[]> tensors = elements.stream().map(float[]::new).toList();
            tensors.forEach(floats::get);
            assertThat(floats.hasRemaining()).isFalse();
            return new Expected(images, tensors);
        }
    }
}
