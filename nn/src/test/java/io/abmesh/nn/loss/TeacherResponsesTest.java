package io.abmesh.nn.loss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.abmesh.nn.network.FeatureShape;
import io.abmesh.nn.teacher.TapEncoder;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class TeacherResponsesTest {
    @Test
    void everyHalfPrecisionNumberComesBackFromTheEncoderAsItWas() {
        ByteBuffer floats = ByteBuffer.allocate(4 << 16).order(ByteOrder.LITTLE_ENDIAN);
        for (int half = 0; half < 1 << 16; half++) {
            floats.putFloat(TeacherResponses.single((short) half));
        }
        ByteBuffer halves = ByteBuffer.allocate(2 << 16).order(ByteOrder.LITTLE_ENDIAN);
        TapEncoder.float16(floats.flip(), halves);
        halves.flip();

        for (int half = 0; half < 1 << 16; half++) {
            boolean number = (half & 0x7fff) <= 0x7c00;
            short found = halves.getShort(2 * half);
            if (number) {
                assertThat(found).isEqualTo((short) half);
            } else {
                assertThat(TeacherResponses.single((short) half)).isNaN();
            }
        }
    }

    @Test
    void everyEncodingTellsTheSidesAndTheLayoutOfOneSample() {
        FeatureShape shape = new FeatureShape(2, 1, 3); // 2 samples
        float[] rows = {1, -2, 3, -4, 5, 0, -1, 2, -3, 4, -5, 0.5f};
        ByteBuffer floats = ByteBuffer.allocate(48).order(ByteOrder.LITTLE_ENDIAN);
        floats.asFloatBuffer().put(rows);
        ByteBuffer halves = ByteBuffer.allocate(24);
        TapEncoder.float16(floats, halves);
        ByteBuffer bits = ByteBuffer.allocate(2);
        TapEncoder.signBits(floats, bits);
        TeacherResponses single = new TeacherResponses(TeacherResponses.Encoding.FLOAT32, floats);
        TeacherResponses half =
                new TeacherResponses(TeacherResponses.Encoding.FLOAT16, halves.flip());
        TeacherResponses sign = TeacherResponses.signBits(bits.flip());

        assertThat(values(single, 1, shape)).containsExactly(-1, 4, 2, -5, -3, 0.5f);
        assertThat(values(half, 1, shape)).containsExactly(values(single, 1, shape));
        for (int sample = 0; sample < 2; sample++) {
            assertThat(sides(half, sample, shape)).containsExactly(sides(single, sample, shape));
            assertThat(sides(sign, sample, shape)).containsExactly(sides(single, sample, shape));
        }
        assertThat(sides(single, 0, shape)).containsExactly(-1, 1, 1, -1, -1, 1);
    }

    @ParameterizedTest
    @CsvSource({"1, 1, 1", "3, 1, 1", "5, 3, 7", "2, 4, 4", "16, 5, 5", "9, 1, 17"})
    void bitsTellTheSidesOfTheNumbersThatTheyCameFrom(int channels, int rows, int columns) {
        FeatureShape shape = new FeatureShape(channels, rows, columns);
        int samples = 5;
        SplittableRandom random = new SplittableRandom(channels);
        ByteBuffer floats =
                ByteBuffer.allocate(samples * shape.elements() * Float.BYTES)
                        .order(ByteOrder.LITTLE_ENDIAN);
        while (floats.hasRemaining()) {
            floats.putFloat(random.nextInt(-2, 3));
        }
        floats.flip();
        ByteBuffer bits = ByteBuffer.allocate((samples * shape.elements() + 7) / 8);
        TapEncoder.signBits(floats, bits);
        TeacherResponses single = new TeacherResponses(TeacherResponses.Encoding.FLOAT32, floats);
        TeacherResponses sign = TeacherResponses.signBits(bits.flip());
        for (int sample = 0; sample < samples; sample++) {
            float[] values = values(single, sample, shape);
            float[] sides = sides(sign, sample, shape);
            for (int i = 0; i < values.length; i++) {
                assertThat(sides[i]).isEqualTo(values[i] > 0 ? -1f : 1f);
            }
        }
    }

    private static float[] values(TeacherResponses responses, int sample, FeatureShape shape) {
        float[] values = new float[shape.elements()];
        responses.values(sample, shape, values);
        return values;
    }

    private static float[] sides(TeacherResponses responses, int sample, FeatureShape shape) {
        float[] sides = new float[shape.elements()];
        responses.sides(sample, shape, sides);
        return sides;
    }

    @Test
    void aWrongNumberOfBytesIsToldWithBoth() {
        TeacherResponses three =
                new TeacherResponses(TeacherResponses.Encoding.FLOAT16, ByteBuffer.allocate(6));

        three.requireNeurons("block2", 3);
        assertThatThrownBy(() -> three.requireNeurons("block2", 4))
                .hasMessage(
                        "teacher's responses have a wrong size: tap=block2, encoding=FLOAT16, found=6 bytes, expected=8");
    }

    @Test
    void bitsHaveNoValues() {
        TeacherResponses bits = TeacherResponses.signBits(ByteBuffer.allocate(1));

        assertThatThrownBy(() -> values(bits, 0, new FeatureShape(2, 1, 2)))
                .isInstanceOf(IllegalStateException.class);
    }
}
