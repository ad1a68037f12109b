package io.abmesh.nn.loss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.abmesh.nn.network.FeatureShape;
import io.abmesh.nn.teacher.TapEncoder;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;

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

        assertThat(single.values(1, shape)).containsExactly(-1, 4, 2, -5, -3, 0.5f);
        assertThat(half.values(1, shape)).containsExactly(single.values(1, shape));
        for (int sample = 0; sample < 2; sample++) {
            assertThat(half.sides(sample, shape)).containsExactly(single.sides(sample, shape));
            assertThat(sign.sides(sample, shape)).containsExactly(single.sides(sample, shape));
        }
        assertThat(single.sides(0, shape)).containsExactly(-1, 1, 1, -1, -1, 1);
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

        assertThatThrownBy(() -> bits.values(0, new FeatureShape(2, 1, 2)))
                .isInstanceOf(IllegalStateException.class);
    }
}
