package io.abmesh.nn.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.abmesh.nn.network.FeatureShape;
import io.abmesh.nn.network.NetworkSpec;
import io.abmesh.nn.network.Networks;
import io.abmesh.nn.network.Node;
import io.abmesh.nn.network.ParameterSpec;
import io.abmesh.nn.teacher.PixelNormalization;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The pass of oneDNN's primitives against the pass of ND4J's operators. */
final class PassTest {
    private static final int SAMPLES = 8;
    private static final double TOLERANCE = 5e-3;
    private static final FeatureShape IMAGE = new FeatureShape(3, 16, 16);
    private static final PixelNormalization NORMALIZATION =
            new PixelNormalization(List.of(125f, 123f, 114f), List.of(63f, 62f, 67f));

    private final OneDnn library = OneDnn.find().orElse(null);

    @BeforeEach
    void thePlatformHasTheLibrary() {
        assumeThat(library).isNotNull();
    }

    @ParameterizedTest
    @ValueSource(strings = {"wrn-10-1", "wrn-16-2", "resnet-20", "mobilenet-0.25"})
    void bothPassesComputeTheSameOutputsGradientsAndStatistics(String name) {
        NetworkSpec network = withConnectors(Networks.parse(name, IMAGE, 10));
        Set<String> outputs = new LinkedHashSet<>(network.taps());
        network.nodes().stream()
                .map(Node::name)
                .filter(n -> n.startsWith("connector") && n.endsWith("norm"))
                .forEach(outputs::add);
        outputs.add(network.logits());

        Map<String, float[]> direct = step(network, outputs, Optional.of(library));
        Map<String, float[]> operators = step(network, outputs, Optional.empty());

        assertThat(direct.keySet()).isEqualTo(operators.keySet());
        direct.forEach((what, found) -> assertClose(what, found, operators.get(what)));
    }

    @Test
    void anEngineNamesWhatComputes() {
        assertThat(Engine.library()).matches("oneDNN \\d+\\.\\d+\\.\\d+ \\w+|ND4J operators");
    }

    @Test
    void aPassOfInferenceUsesItsMemoryAgainAndChangesNothing() {
        NetworkSpec network = Networks.parse("wrn-16-1", IMAGE, 10);
        try (Engine engine = engine(network, Optional.of(library));
                Engine other = engine(network, Optional.empty())) {
            for (Engine each : List.of(engine, other)) {
                each.forward(images(1), SAMPLES, NORMALIZATION, Set.of(network.logits()), true);
            }
            float[] mean = engine.get("bn1.running_mean");
            for (int batch = 2; batch < 5; batch++) {
                for (Engine each : List.of(engine, other)) {
                    each.forward(
                            images(batch), SAMPLES, NORMALIZATION, Set.of(network.logits()), false);
                }
                assertClose(
                        "logits", engine.output(network.logits()), other.output(network.logits()));
            }
            assertThat(engine.get("bn1.running_mean")).isEqualTo(mean);
        }
    }

    @Test
    void theSameCallsGiveTheSameBits() {
        NetworkSpec network = withConnectors(Networks.parse("wrn-10-1", IMAGE, 10));
        Set<String> outputs = Set.of(network.logits(), network.taps().get(0));

        Map<String, float[]> once = step(network, outputs, Optional.of(library));
        Map<String, float[]> again = step(network, outputs, Optional.of(library));

        once.forEach((what, found) -> assertThat(found).as(what).isEqualTo(again.get(what)));
    }

    /** A convolution to an odd number of channels and a batch norm behind each tap. */
    private static NetworkSpec withConnectors(NetworkSpec network) {
        List<Node> nodes = new ArrayList<>();
        for (String tap : network.taps()) {
            String path = "connector." + tap;
            nodes.add(new Node.Convolution(path + ".conv", tap, 13, 1, 1, 0, 1));
            nodes.add(new Node.BatchNorm(path + ".norm", path + ".conv"));
        }
        return network.with(nodes);
    }

    private static Engine engine(NetworkSpec network, Optional<OneDnn> library) {
        Engine engine = new Engine(network, 2, library);
        Random random = new Random(3);
        for (ParameterSpec parameter : engine.parameters()) {
            float[] values = new float[Math.toIntExact(parameter.elements())];
            for (int i = 0; i < values.length; i++) {
                values[i] =
                        switch (parameter.kind()) {
                            case SCALE, RUNNING_VARIANCE -> 0.5f + random.nextFloat();
                            default -> 0.2f * (float) random.nextGaussian();
                        };
            }
            engine.set(parameter.name(), values);
        }
        return engine;
    }

    private static Map<String, float[]> step(
            NetworkSpec network, Set<String> outputs, Optional<OneDnn> library) {
        Map<String, float[]> found = new LinkedHashMap<>();
        try (Engine engine = engine(network, library)) {
            for (int batch = 0; batch < 2; batch++) {
                engine.forward(images(batch), SAMPLES, NORMALIZATION, outputs, true);
                for (String output : outputs) {
                    engine.seed(output, (sample, value, gradient) -> seed(sample, gradient));
                }
                engine.backward();
            }
            for (String output : outputs) {
                found.put(output, engine.output(output));
            }
            for (ParameterSpec parameter : engine.parameters()) {
                if (parameter.kind().trained()) {
                    found.put("gradient of " + parameter.name(), engine.gradient(parameter.name()));
                }
            }
            float[] statistics = new float[engine.statisticsLength()];
            engine.batchStatistics(statistics);
            found.put("statistics", statistics);
        }
        return found;
    }

    private static void seed(int sample, float[] gradient) {
        Random random = new Random(100L + sample);
        for (int i = 0; i < gradient.length; i++) {
            gradient[i] = (float) random.nextGaussian();
        }
    }

    private static ByteBuffer images(int batch) {
        byte[] pixels = new byte[SAMPLES * IMAGE.elements()];
        new Random(20 + batch).nextBytes(pixels);
        return ByteBuffer.wrap(pixels);
    }

    /**
     * In the Euclidean norm: rounding moves a neuron or two over zero, which changes a few elements
     * of a gradient by more than rounding does.
     */
    private static void assertClose(String what, float[] found, float[] expected) {
        double difference = 0;
        double size = 1e-12;
        for (int i = 0; i < expected.length; i++) {
            difference += Math.pow((double) found[i] - expected[i], 2);
            size += Math.pow(expected[i], 2);
        }
        assertThat(Math.sqrt(difference / size)).as(what).isLessThan(TOLERANCE);
    }
}
