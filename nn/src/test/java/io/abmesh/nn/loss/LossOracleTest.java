package io.abmesh.nn.loss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.abmesh.nn.loss.DistanceLoss.Norm;
import io.abmesh.nn.network.FeatureShape;
import io.abmesh.nn.oracle.OracleNumbers;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
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

    /** Not 1, so that a factor that is left out is missed. */
    private static final double WEIGHT = 2;

    private static final double SCALE = 3;

    /** The inputs are the same numbers; what is left is the rounding of float sums. */
    private static final double TOLERANCE = 2e-6;

    private final JsonNode oracle = oracle();

    @ParameterizedTest(name = "{0}, {1}")
    @CsvSource({"L1, raw", "L1, rectified", "L2, raw", "L2, rectified"})
    void distances(Norm norm, String side) {
        assertOracle(
                norm.name().toLowerCase(Locale.ROOT) + "." + side,
                new DistanceLoss(WEIGHT, norm, !side.equals("raw"), SCALE, List.of()),
                WEIGHT * SCALE,
                FIRST);
    }

    @Test
    void overhaul() {
        assertOracle("overhaul", new OverhaulLoss(WEIGHT, SCALE, List.of()), WEIGHT * SCALE, FIRST);
    }

    @ParameterizedTest
    @ValueSource(strings = {"raw", "rectified"})
    void attention(String side) {
        assertOracle(
                "attention." + side,
                new AttentionLoss(WEIGHT, !side.equals("raw"), SCALE, List.of()),
                WEIGHT * SCALE,
                FIRST);
    }

    @ParameterizedTest
    @ValueSource(strings = {"raw", "rectified"})
    void flow(String side) {
        assertOracle(
                "flow." + side,
                new FlowLoss(WEIGHT, !side.equals("raw"), SCALE, List.of()),
                WEIGHT * SCALE,
                FIRST,
                SECOND);
    }

    @Test
    void distillation() {
        assertOracle("kd", new DistillationLoss(WEIGHT, 3, false, false), WEIGHT);
        assertOracle("kd.standardized", new DistillationLoss(WEIGHT, 2, true, true), WEIGHT);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource({"dkd, 4, 1, 8, false", "dkd.standardized, 2, 0.5, 2, true"})
    void decoupled(
            String name, double temperature, double target, double others, boolean standardized) {
        assertOracle(
                name, new DecoupledLoss(WEIGHT, temperature, target, others, standardized), WEIGHT);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource({"dist, 1, 1, 2", "dist.softened, 4, 2, 1"})
    void relations(String name, double temperature, double inter, double intra) {
        assertOracle(name, new RelationLoss(WEIGHT, temperature, inter, intra), WEIGHT);
    }

    @Test
    void smoothedCrossEntropy() {
        assertOracle("crossEntropy.smoothed", new CrossEntropyLoss(WEIGHT, 0.1), WEIGHT);
    }

    @Test
    void centredLogits() {
        assertOracle("centered", new CenteredLogitsLoss(WEIGHT, SCALE), WEIGHT * SCALE);
    }

    /** What a phase makes of the term's parts is so many times the oracle's loss and gradients. */
    private void assertOracle(String name, LossTerm term, double times, FeatureShape... taps) {
        OracleBatch batch = new OracleBatch(List.of(taps));
        Map<StudentOutput, float[][]> gradients = new LinkedHashMap<>();
        double loss = 0;
        for (LossPart part : term.parts(batch)) {
            float[][] gradient =
                    gradients.computeIfAbsent(
                            part.output(), output -> new float[N][batch.size(output)]);
            double sum = 0;
            for (int n = 0; n < N; n++) {
                sum += part.loss().add(n, batch.student(part.output(), n), gradient[n]);
            }
            loss += part.factor() * sum;
        }

        double expected = times * oracle.get(name).get("loss").asDouble();
        assertThat(loss).as(name).isCloseTo(expected, within(TOLERANCE * expected));
        assertThat(gradients.keySet()).containsExactlyElementsOf(term.reads(taps.length));
        int by = 0;
        for (Map.Entry<StudentOutput, float[][]> found : gradients.entrySet()) {
            int channels = found.getKey().atTap() ? taps[found.getKey().tap()].channels() : K;
            assertGradient(name, by++, times, rows(found.getValue(), channels));
        }
    }

    /** Returns {@code [N, C, H, W]} of the samples' {@code [H * W, C]}. */
    private static float[] rows(float[][] samples, int channels) {
        int size = samples[0].length;
        int positions = size / channels;
        float[] rows = new float[N * size];
        for (int n = 0; n < N; n++) {
            for (int c = 0; c < channels; c++) {
                for (int p = 0; p < positions; p++) {
                    rows[n * size + c * positions + p] = samples[n][p * channels + c];
                }
            }
        }
        return rows;
    }

    private void assertGradient(String name, int by, double times, float[] found) {
        JsonNode expected = oracle.get(name).get("gradients").get(by);
        assertThat(found).hasSize(expected.size());
        double largest = 0;
        for (JsonNode value : expected) {
            largest = Math.max(largest, Math.abs(times * value.asDouble()));
        }
        assertThat(largest).isPositive();
        for (int i = 0; i < found.length; i++) {
            assertThat((double) found[i])
                    .as("%s, gradient %s, element %s", name, by, i)
                    .isCloseTo(times * expected.get(i).asDouble(), within(TOLERANCE * largest));
        }
    }

    /** The oracle's inputs, as a phase hands a micro-batch to its losses. */
    private record OracleBatch(List<FeatureShape> shapes) implements LossBatch {
        private static final List<String> NAMES = List.of("first", "second");

        int size(StudentOutput output) {
            return output.atTap() ? shapes.get(output.tap()).elements() : K;
        }

        float[] student(StudentOutput output, int sample) {
            if (!output.atTap()) {
                return logits("student", sample);
            }
            float[] values = new float[size(output)];
            responses("student", output.tap()).values(sample, shape(output.tap()), values);
            return values;
        }

        private TeacherResponses responses(String whose, int tap) {
            FeatureShape shape = shape(tap);
            return LossOracleTest.responses(
                    whose + "." + NAMES.get(tap), shape.channels(), shape.rows());
        }

        @Override
        public float[] student(StudentOutput output) {
            float[] all = new float[N * size(output)];
            for (int n = 0; n < N; n++) {
                System.arraycopy(student(output, n), 0, all, n * size(output), size(output));
            }
            return all;
        }

        @Override
        public int samples() {
            return N;
        }

        @Override
        public int taps() {
            return shapes.size();
        }

        @Override
        public int imageSide() {
            return H;
        }

        @Override
        public FeatureShape shape(int tap) {
            return shapes.get(tap);
        }

        @Override
        public TeacherResponses teacher(int tap) {
            return responses("teacher", tap);
        }

        @Override
        public float[] teacherLogits(int from, int count) {
            float[] some = new float[count];
            for (int i = 0; i < count; i++) {
                some[i] = logits("teacher", (from + i) / K)[(from + i) % K];
            }
            return some;
        }

        @Override
        public int label(int sample) {
            return LABELS[sample];
        }

        @Override
        public void agreeing(int tap, int sample, long neurons) {
            assertThat(neurons).isBetween(0L, (long) shape(tap).elements());
        }
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
