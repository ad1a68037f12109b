package io.abmesh.nn.loss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.abmesh.nn.loss.DistanceLoss.Norm;
import io.abmesh.nn.loss.FlowLoss.FlowMap;
import io.abmesh.nn.network.FeatureShape;
import io.abmesh.nn.oracle.OracleNumbers;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.shade.jackson.databind.JsonNode;
import org.nd4j.shade.jackson.databind.ObjectMapper;

/**
 * Values and gradients against PyTorch's in {@code float64} ({@code
 * src/test/oracle/make_losses.py}), which writes each loss as its authors' script does.
 */
final class LossOracleTest {
    private static final int N = 3;
    private static final int C = 4;
    private static final int D = 5;
    private static final int H = 4;
    private static final int K = 6;
    private static final FeatureShape FIRST = new FeatureShape(C, H, H);
    private static final FeatureShape SECOND = new FeatureShape(D, H / 2, H / 2);
    private static final int[] LABELS = {4, 0, 2};

    /** The inputs are the same numbers; what is left is the rounding of float sums. */
    private static final double TOLERANCE = 2e-6;

    private final JsonNode oracle = oracle();

    @ParameterizedTest(name = "{0}, {1}")
    @CsvSource({"L1, raw", "L1, rectified", "L2, raw", "L2, rectified"})
    void distances(Norm norm, String side) {
        DistanceLoss term = new DistanceLoss(1, norm, !side.equals("raw"), 1, List.of());
        float[][] gradients = new float[N][C * H * H];
        double loss = 0;
        for (int n = 0; n < N; n++) {
            loss +=
                    term.sample(
                            student("first", n, C, H),
                            teacher("first", C, H).values(n, FIRST),
                            1f / (N * C * H * H),
                            gradients[n]);
        }

        String name = norm.name().toLowerCase(Locale.ROOT) + "." + side;
        assertLoss(name, loss / (N * C * H * H));
        assertCase(name, 0, gradients, C);
    }

    @Test
    void overhaul() {
        TeacherResponses teacher = teacher("first", C, H);
        float[] margins = OverhaulLoss.margins(teacher, N, FIRST);
        float[][] gradients = new float[N][C * H * H];
        double loss = 0;
        for (int n = 0; n < N; n++) {
            loss +=
                    OverhaulLoss.sample(
                            student("first", n, C, H),
                            teacher.values(n, FIRST),
                            margins,
                            1f / (N * C * H * H),
                            gradients[n]);
        }

        assertLoss("overhaul", loss / (N * C * H * H));
        assertCase("overhaul", 0, gradients, C);
    }

    @ParameterizedTest
    @ValueSource(strings = {"raw", "rectified"})
    void attention(String side) {
        AttentionLoss term = new AttentionLoss(1, !side.equals("raw"), 1, List.of());
        float[][] gradients = new float[N][C * H * H];
        double loss = 0;
        for (int n = 0; n < N; n++) {
            loss +=
                    term.sample(
                            student("first", n, C, H),
                            teacher("first", C, H).values(n, FIRST),
                            H * H,
                            1.0 / N,
                            gradients[n]);
        }

        assertLoss("attention." + side, loss / N);
        assertCase("attention." + side, 0, gradients, C);
    }

    @ParameterizedTest
    @ValueSource(strings = {"raw", "rectified"})
    void flow(String side) {
        FlowLoss term = new FlowLoss(1, !side.equals("raw"), 1, List.of());
        float[][] first = new float[N][C * H * H];
        float[][] second = new float[N][D * H * H / 4];
        double loss = 0;
        for (int n = 0; n < N; n++) {
            loss +=
                    term.sample(
                            new FlowMap(student("first", n, C, H), H, H),
                            new FlowMap(student("second", n, D, H / 2), H / 2, H / 2),
                            new FlowMap(teacher("first", C, H).values(n, FIRST), H, H),
                            new FlowMap(
                                    teacher("second", D, H / 2).values(n, SECOND), H / 2, H / 2),
                            1.0 / N,
                            first[n],
                            second[n]);
        }

        assertLoss("flow." + side, loss / N);
        assertCase("flow." + side, 0, first, C);
        assertCase("flow." + side, 1, second, D);
    }

    @Test
    void distillation() {
        assertLogits(
                "kd",
                (n, gradient) ->
                        new DistillationLoss(1, 3, false, false)
                                .sample(
                                        logits("student", n),
                                        logits("teacher", n),
                                        1.0 / N,
                                        gradient));
        assertLogits(
                "kd.standardized",
                (n, gradient) ->
                        new DistillationLoss(1, 2, true, true)
                                .sample(
                                        logits("student", n),
                                        logits("teacher", n),
                                        1.0 / N,
                                        gradient));
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource({"dkd, 4, 1, 8, false", "dkd.standardized, 2, 0.5, 2, true"})
    void decoupled(
            String name, double temperature, double target, double others, boolean standardized) {
        DecoupledLoss term = new DecoupledLoss(1, temperature, target, others, standardized);
        assertLogits(
                name,
                (n, gradient) ->
                        term.sample(
                                logits("student", n),
                                logits("teacher", n),
                                LABELS[n],
                                1.0 / N,
                                gradient));
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource({"dist, 1, 1, 2", "dist.softened, 4, 2, 1"})
    void relations(String name, double temperature, double inter, double intra) {
        float[] student = new float[N * K];
        float[] teacher = new float[N * K];
        for (int n = 0; n < N; n++) {
            System.arraycopy(logits("student", n), 0, student, n * K, K);
            System.arraycopy(logits("teacher", n), 0, teacher, n * K, K);
        }
        float[] gradient = new float[N * K];
        double loss =
                new RelationLoss(1, temperature, inter, intra)
                        .batch(student, teacher, N, 1, gradient);

        assertLoss(name, loss);
        assertGradient(name, 0, gradient);
    }

    @Test
    void smoothedCrossEntropy() {
        assertLogits(
                "crossEntropy.smoothed",
                (n, gradient) ->
                        new CrossEntropyLoss(1, 0.1)
                                .sample(logits("student", n), LABELS[n], 1.0 / N, gradient));
    }

    @Test
    void centredLogits() {
        assertLogits(
                "centered",
                (n, gradient) ->
                        CenteredLogitsLoss.sample(
                                logits("student", n), logits("teacher", n), 1.0 / N, gradient));
    }

    private interface OfSample {
        double add(int sample, float[] gradient);
    }

    private void assertLogits(String name, OfSample of) {
        float[] all = new float[N * K];
        double loss = 0;
        for (int n = 0; n < N; n++) {
            float[] gradient = new float[K];
            loss += of.add(n, gradient);
            System.arraycopy(gradient, 0, all, n * K, K);
        }
        assertLoss(name, loss / N);
        assertGradient(name, 0, all);
    }

    private void assertLoss(String name, double loss) {
        double expected = oracle.get(name).get("loss").asDouble();
        assertThat(loss).as(name).isCloseTo(expected, within(TOLERANCE * expected));
    }

    /** Compares gradients {@code [positions, C]} of the samples. */
    private void assertCase(String name, int by, float[][] gradients, int channels) {
        int size = gradients[0].length;
        int positions = size / channels;
        float[] rows = new float[N * size]; // [N, C, H, W]
        for (int n = 0; n < N; n++) {
            for (int c = 0; c < channels; c++) {
                for (int p = 0; p < positions; p++) {
                    rows[n * size + c * positions + p] = gradients[n][p * channels + c];
                }
            }
        }
        assertGradient(name, by, rows);
    }

    private void assertGradient(String name, int by, float[] found) {
        JsonNode expected = oracle.get(name).get("gradients").get(by);
        assertThat(found).hasSize(expected.size());
        double largest = 0;
        for (JsonNode value : expected) {
            largest = Math.max(largest, Math.abs(value.asDouble()));
        }
        assertThat(largest).isPositive();
        for (int i = 0; i < found.length; i++) {
            assertThat((double) found[i])
                    .as("%s, gradient %s, element %s", name, by, i)
                    .isCloseTo(expected.get(i).asDouble(), within(TOLERANCE * largest));
        }
    }

    /** Responses of one sample, {@code [H * W, C]}. */
    private static float[] student(String tap, int sample, int channels, int side) {
        return responses("student." + tap, channels, side)
                .values(sample, new FeatureShape(channels, side, side));
    }

    private static TeacherResponses teacher(String tap, int channels, int side) {
        return responses("teacher." + tap, channels, side);
    }

    private static TeacherResponses responses(String name, int channels, int side) {
        double[] values = uniform(name, N * channels * side * side);
        ByteBuffer bytes =
                ByteBuffer.allocate(Float.BYTES * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (double value : values) {
            bytes.putFloat((float) value);
        }
        return new TeacherResponses(TeacherResponses.Encoding.FLOAT32, bytes.flip());
    }

    private static float[] logits(String whose, int sample) {
        double[] all = uniform(whose + ".logits", N * K);
        float[] own = new float[K];
        for (int k = 0; k < K; k++) {
            own[k] = (float) (2 * all[sample * K + k]);
        }
        return own;
    }

    /** Numbers in [-2, 2), exact in float. */
    private static double[] uniform(String name, int count) {
        return Arrays.stream(OracleNumbers.uniform(name, count)).map(x -> 2 * x).toArray();
    }

    private static JsonNode oracle() {
        try (InputStream file = LossOracleTest.class.getResourceAsStream("losses.json")) {
            return new ObjectMapper().readTree(file);
        } catch (IOException e) {
            throw new IllegalStateException("cannot read losses.json", e);
        }
    }
}
