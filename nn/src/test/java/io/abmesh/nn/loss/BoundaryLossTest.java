package io.abmesh.nn.loss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.abmesh.nn.network.FeatureShape;
import java.nio.ByteBuffer;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class BoundaryLossTest {
    /** One neuron per position, as many as there are responses. */
    private static FeatureShape positions(float[] response) {
        return new FeatureShape(1, 1, response.length);
    }

    private static BoundaryLoss loss(double margin) {
        return new BoundaryLoss(1, margin, Reduction.MEAN, 1);
    }

    @ParameterizedTest(name = "s={0}, t={1}")
    @CsvSource({
        "0.5, 2, 0.25, -1",
        "1, 2, 0, 0",
        "1.5, 2, 0, 0",
        "-2, 3, 9, -6",
        "-0.5, -1, 0.25, 1",
        "-1, -1, 0, 0",
        "2, -3, 9, 6",
        "0.5, 0, 2.25, 3",
        "0, 0, 1, 2",
        "0, 1, 1, -2",
    })
    void lossAndGradientAreThoseOfThePaper(float s, float t, double loss, float gradient) {
        float[] found = new float[1];
        BoundaryLoss.Sample sample =
                loss(1).sample(
                                new float[] {s},
                                bits(new float[] {t}),
                                0,
                                new FeatureShape(1, 1, 1),
                                1,
                                found);

        assertThat(sample.loss()).isEqualTo(loss);
        assertThat(found[0]).isEqualTo(gradient);
    }

    @Test
    void bitsOfEverySampleAndChannelAreFound() {
        // 3 samples of 3 channels and 5 positions: no sample starts at a whole byte
        Random random = new Random(1);
        int channels = 3;
        int positions = 5;
        float[] teacher = new float[3 * channels * positions]; // [N, C, H, W]
        for (int i = 0; i < teacher.length; i++) {
            teacher[i] = random.nextFloat() - 0.5f;
        }
        TeacherResponses bits = bits(teacher);
        for (int n = 0; n < 3; n++) {
            float[] response = new float[channels * positions]; // [H * W, C]
            float[] gradient = new float[response.length];
            double expectedLoss = 0;
            int agreeing = 0;
            float[] expected = new float[response.length];
            for (int c = 0; c < channels; c++) {
                for (int p = 0; p < positions; p++) {
                    float s = 3 * random.nextFloat() - 1.5f;
                    float t = teacher[(n * channels + c) * positions + p];
                    int at = p * channels + c;
                    response[at] = s;
                    double d = t > 0 ? 0.7 - s : 0.7 + s;
                    expectedLoss += d > 0 ? d * d : 0;
                    expected[at] = (float) (d > 0 ? (t > 0 ? -2 * d : 2 * d) : 0);
                    agreeing += (s > 0) == (t > 0) ? 1 : 0;
                }
            }
            BoundaryLoss.Sample found =
                    loss(0.7)
                            .sample(
                                    response,
                                    bits,
                                    n,
                                    new FeatureShape(channels, 1, positions),
                                    1,
                                    gradient);
            assertThat(found.loss()).isCloseTo(expectedLoss, within(1e-4));
            assertThat(found.agreeing()).isEqualTo(agreeing);
            assertThat(gradient).containsExactly(expected, within(1e-5f));
        }
    }

    @Test
    void aResponseThatIsNotANumberMakesTheLossOneToo() {
        float[] response = {1, Float.NaN, 1, 1};
        double loss =
                loss(1).sample(
                                response,
                                bits(new float[] {1, 1, -1, 1}),
                                0,
                                positions(response),
                                1,
                                new float[4])
                        .loss();

        assertThat(loss).isNaN();
    }

    @Test
    void flippingASatisfiedNeuronCosts() {
        float[] response = {2, -2, 2};
        TeacherResponses satisfied = bits(new float[] {1, -1, 1});
        TeacherResponses flipped = bits(new float[] {1, 1, 1});

        assertThat(loss(1).sample(response, satisfied, 0, positions(response), 1, new float[3]))
                .isEqualTo(new BoundaryLoss.Sample(0, 3));
        assertThat(loss(1).sample(response, flipped, 0, positions(response), 1, new float[3]))
                .isEqualTo(new BoundaryLoss.Sample(9, 2));
    }

    @Test
    void theAuthorsWeightsCancelTheNeuronCountOfAWideResidualNetwork() {
        // algorithm: CIFAR = 49.152 x the sum of per-tap means, for width 4
        int[] neurons = {64 * 32 * 32, 128 * 16 * 16, 256 * 8 * 8};
        for (int tap = 0; tap < 3; tap++) {
            assertThat(Reduction.AUTHORS.factor(tap, 3, 8, neurons[tap], 32, 1))
                    .isCloseTo(
                            Reduction.MEAN.factor(tap, 3, 8, neurons[tap], 32, 49.152),
                            within(1e-12));
        }
    }

    private static TeacherResponses bits(float[] values) {
        byte[] bits = new byte[(values.length + 7) / 8];
        for (int i = 0; i < values.length; i++) {
            if (values[i] > 0) {
                bits[i >> 3] |= (byte) (1 << (i & 7));
            }
        }
        return TeacherResponses.signBits(ByteBuffer.wrap(bits).asReadOnlyBuffer());
    }
}
