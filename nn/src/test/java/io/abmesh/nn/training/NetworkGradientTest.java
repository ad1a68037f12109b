package io.abmesh.nn.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.abmesh.nn.checkpoint.StoredTensor;
import io.abmesh.nn.loss.BoundaryLoss;
import io.abmesh.nn.loss.CrossEntropyLoss;
import io.abmesh.nn.loss.DistillationLoss;
import io.abmesh.nn.loss.Reduction;
import io.abmesh.nn.loss.TeacherResponses;
import io.abmesh.nn.network.FeatureShape;
import io.abmesh.nn.network.NetworkSpec;
import io.abmesh.nn.network.Networks;
import io.abmesh.nn.oracle.OracleNumbers;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.shade.jackson.databind.JsonNode;
import org.nd4j.shade.jackson.databind.ObjectMapper;

/**
 * One step of each kind of student, through connectors and all three losses, against PyTorch in
 * {@code float64} ({@code src/test/oracle/make_gradients.py}): losses, agreement, every gradient
 * and every running statistic.
 */
final class NetworkGradientTest {
    private static final int SAMPLES = 3;
    private static final int CLASSES = 5;
    private static final int SIDE = 16;
    private static final int WIDER = 8;

    /** Share of a gradient's length. */
    private static final double TOLERANCE = 1e-3;

    private final JsonNode oracle = oracle();

    @ParameterizedTest(name = "{0}")
    @ValueSource(strings = {"wrn-10-1", "resnet-20", "mobilenet-0.25", "mlp-24-12"})
    void aStepOfThisNetworkIsWhatPyTorchComputes(String kind) {
        JsonNode expected = oracle.get(kind);
        try (StudentTrainer trainer = trainer(kind)) {
            trainer.beginPhase(
                    new PhaseSetup(
                            List.of(
                                    new BoundaryLoss(0.1, 1, Reduction.MEAN, 10),
                                    new DistillationLoss(0.5, 3, true, false),
                                    new CrossEntropyLoss(0.5)),
                            new OptimizerSetup(0, 0)));
            trainer.restore(filled(trainer.state()));

            MicroOutcome outcome =
                    trainer.accumulate(batch(kind, expected.get("images").asInt()), 1);
            trainer.applyUpdate(0);

            assertNear(outcome.terms(), expected.get("terms"));
            assertNear(outcome.agreement(), expected.get("agreement"));
            assertGradients(trainer.state(), expected.get("gradients"));
            assertRunning(trainer.state(), expected.get("running"));
        }
    }

    private static void assertNear(List<Double> found, JsonNode expected) {
        assertThat(found).hasSize(expected.size());
        for (int i = 0; i < found.size(); i++) {
            double value = expected.get(i).asDouble();
            assertThat(found.get(i)).isCloseTo(value, within(1e-4 * value));
        }
    }

    /** Without momentum and decay the velocity is the gradient. */
    private static void assertGradients(Map<String, StoredTensor> state, JsonNode expected) {
        assertThat(state.keySet().stream().filter(name -> name.startsWith("momentum.")))
                .hasSize(expected.size());
        expected.fields()
                .forEachRemaining(
                        array -> {
                            String name = array.getKey();
                            float[] gradient = floats(state, "momentum." + name);
                            double length = array.getValue().get(0).asDouble();
                            assertThat(Math.sqrt(dot(gradient, gradient)))
                                    .as("length of the gradient of %s", name)
                                    .isCloseTo(length, within(TOLERANCE * length));
                            assertThat(product("a.", name, gradient))
                                    .as("first product of the gradient of %s", name)
                                    .isCloseTo(
                                            array.getValue().get(1).asDouble(),
                                            within(TOLERANCE * length));
                            assertThat(product("b.", name, gradient))
                                    .as("second product of the gradient of %s", name)
                                    .isCloseTo(
                                            array.getValue().get(2).asDouble(),
                                            within(TOLERANCE * length));
                        });
    }

    private static void assertRunning(Map<String, StoredTensor> state, JsonNode expected) {
        assertThat(state.keySet().stream().filter(name -> name.contains(".running_")))
                .hasSize(expected.size());
        expected.fields()
                .forEachRemaining(
                        array -> {
                            float[] values = floats(state, array.getKey());
                            assertThat(product("a.", array.getKey(), values))
                                    .as(array.getKey())
                                    .isCloseTo(
                                            array.getValue().asDouble(),
                                            within(1e-4 * (1 + Math.sqrt(dot(values, values)))));
                        });
    }

    private static StudentTrainer trainer(String kind) {
        NetworkSpec network = Networks.parse(kind, new FeatureShape(3, SIDE, SIDE), CLASSES);
        List<TapPair> pairs = new ArrayList<>();
        for (String tap : network.taps()) {
            FeatureShape own = network.shape(tap);
            pairs.add(
                    new TapPair(
                            tap,
                            tap,
                            new FeatureShape(own.channels() + WIDER, own.rows(), own.columns())));
        }
        return new StudentTrainer(
                new StudentSetup(
                        network,
                        pairs,
                        ConnectorPolicy.CONV1X1BN,
                        1,
                        List.of(125f, 123f, 114f),
                        List.of(63f, 62f, 67f),
                        2));
    }

    private static Map<String, StoredTensor> filled(Map<String, StoredTensor> state) {
        Map<String, StoredTensor> filled = new LinkedHashMap<>();
        state.forEach(
                (name, tensor) -> {
                    boolean trained = state.containsKey("momentum." + name);
                    filled.put(
                            name,
                            trained
                                    ? StoredTensor.of(tensor.shape(), values(name, tensor.shape()))
                                    : tensor);
                });
        return filled;
    }

    private static float[] values(String name, List<Long> shape) {
        int count = Math.toIntExact(shape.stream().reduce(1L, (a, b) -> a * b));
        double[] uniform = OracleNumbers.uniform(name, count);
        double factor =
                shape.size() == 4
                        ? Math.sqrt(6.0 / (shape.get(1) * shape.get(2) * shape.get(3)))
                        : 0.3;
        double offset = shape.size() == 1 && name.endsWith(".weight") ? 1 : 0;
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) (offset + factor * uniform[i]);
        }
        return values;
    }

    private static MicroBatch batch(String kind, int number) {
        double[] pixels =
                OracleNumbers.uniform(kind + ".images." + number, SAMPLES * 3 * SIDE * SIDE);
        ByteBuffer images = ByteBuffer.allocate(pixels.length);
        for (int i = 0; i < pixels.length; i++) {
            images.put(i, (byte) Math.floor((pixels[i] + 1) * 128));
        }
        ByteBuffer labels = ByteBuffer.allocate(4 * SAMPLES).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < SAMPLES; i++) {
            labels.putInt(4 * i, i % CLASSES);
        }
        double[] teacher = OracleNumbers.uniform(kind + ".logits", SAMPLES * CLASSES);
        ByteBuffer logits = ByteBuffer.allocate(4 * teacher.length).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < teacher.length; i++) {
            logits.putFloat(4 * i, (float) (2 * teacher[i]));
        }
        NetworkSpec network = Networks.parse(kind, new FeatureShape(3, SIDE, SIDE), CLASSES);
        Map<String, TeacherResponses> boundaries = new HashMap<>();
        for (String tap : network.taps()) {
            FeatureShape own = network.shape(tap);
            int neurons = SAMPLES * (own.channels() + WIDER) * own.positions();
            double[] response =
                    OracleNumbers.uniform(
                            kind + ".boundary." + (boundaries.size() + 1), neurons); // [N, C, H, W]
            ByteBuffer bits = ByteBuffer.allocate((neurons + 7) / 8);
            for (int i = 0; i < neurons; i++) {
                if (response[i] > 0) {
                    bits.put(i / 8, (byte) (bits.get(i / 8) | (1 << (i % 8))));
                }
            }
            boundaries.put(tap, TeacherResponses.signBits(bits));
        }
        return new MicroBatch(SAMPLES, images, labels, boundaries, logits);
    }

    private static double product(String probe, String name, float[] values) {
        double[] other = OracleNumbers.uniform(probe + name, values.length);
        double sum = 0;
        for (int i = 0; i < values.length; i++) {
            sum += values[i] * other[i];
        }
        return sum;
    }

    private static double dot(float[] a, float[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += (double) a[i] * b[i];
        }
        return sum;
    }

    private static float[] floats(Map<String, StoredTensor> state, String name) {
        StoredTensor tensor = state.get(name);
        assertThat(tensor).as(name).isNotNull();
        return tensor.floats();
    }

    private static JsonNode oracle() {
        try (InputStream file = NetworkGradientTest.class.getResourceAsStream("gradients.json")) {
            return new ObjectMapper().readTree(file);
        } catch (IOException e) {
            throw new IllegalStateException("cannot read gradients.json", e);
        }
    }
}
