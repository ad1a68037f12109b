package io.abmesh.nn.loss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.abmesh.nn.network.FeatureShape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class OverhaulLossTest {
    @ParameterizedTest(name = "s={0}, t={1}, margin -0.5")
    @CsvSource({
        "3, 2, 1, 2", // the teacher fires: the whole distance, from above
        "1, 2, 1, -2", // and from below
        "0, -2, 0.25, 1", // it does not: down to the margin
        "-0.5, -2, 0, 0", // but no further
        "-3, -2, 0, 0",
        "0, -0.25, 0.0625, 0.5", // between margin and zero the response itself is the target
        "-0.25, -0.25, 0, 0",
    })
    void theDistanceIsPartial(float s, float t, double loss, float gradient) {
        float[] found = new float[1];

        assertThat(
                        OverhaulLoss.sample(
                                new float[] {s}, new float[] {t}, new float[] {-0.5f}, 1, found))
                .isEqualTo(loss);
        assertThat(found[0]).isEqualTo(gradient);
    }

    @Test
    void marginIsThatOfTheBatchNormForNormalResponses() {
        // the authors' get_margin_from_BN for scale 0.8 and shift 0.3, and for 1.5 and -0.4
        double[] scale = {0.8, 1.5};
        double[] shift = {0.3, -0.4};
        double[] expected = {-0.5407537, -1.3543462};
        int positions = 200_000;
        SplittableRandom random = new SplittableRandom(5);
        ByteBuffer bytes =
                ByteBuffer.allocate(2 * positions * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (int c = 0; c < 2; c++) {
            for (int p = 0; p < positions; p++) {
                bytes.putFloat((float) (shift[c] + scale[c] * random.nextGaussian()));
            }
        }
        float[] margins =
                OverhaulLoss.margins(
                        new TeacherResponses(TeacherResponses.Encoding.FLOAT32, bytes.flip()),
                        1,
                        new FeatureShape(2, 1, positions));

        for (int c = 0; c < 2; c++) {
            assertThat((double) margins[c]).isCloseTo(expected[c], within(0.01));
        }
    }

    @Test
    void aChannelThatAlwaysFiresHasNoMargin() {
        ByteBuffer bytes = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putFloat(1).putFloat(0);

        assertThat(
                        OverhaulLoss.margins(
                                new TeacherResponses(
                                        TeacherResponses.Encoding.FLOAT32, bytes.flip()),
                                1,
                                new FeatureShape(1, 1, 2)))
                .containsExactly(0);
    }

    @Test
    void aResponseThatIsNotANumberMakesTheLossOneToo() {
        assertThat(
                        OverhaulLoss.sample(
                                new float[] {Float.NaN},
                                new float[] {-1},
                                new float[] {-0.5f},
                                1,
                                new float[1]))
                .isNaN();
    }
}
