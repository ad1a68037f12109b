package io.abmesh.nn.teacher;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class TapEncoderTest {
    @Test
    void bitsAreOneAboveZeroLeastSignificantFirst() {
        ByteBuffer bits =
                TapEncoder.signBits(
                        tensor(
                                1f,
                                -1f,
                                0f,
                                -0f,
                                Float.MIN_VALUE,
                                -Float.MIN_VALUE,
                                Float.MAX_VALUE,
                                -5f,
                                3f));

        assertThat(bits.remaining()).isEqualTo(2);
        assertThat(bits.get(0)).isEqualTo((byte) 0b0101_0001);
        assertThat(bits.get(1)).isEqualTo((byte) 1);
    }

    @ParameterizedTest(name = "{0} values")
    @ValueSource(ints = {1, 7, 8, 9, 4095, 4096, 4097, 12_345})
    void bitsMatchAComparisonPerValueAtAnyLength(int count) {
        SplittableRandom random = new SplittableRandom(count);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = random.nextInt(5) == 0 ? 0f : (float) (random.nextDouble() - 0.5);
        }

        ByteBuffer bits = TapEncoder.signBits(tensor(values));

        assertThat(bits.remaining()).isEqualTo((count + 7) / 8);
        for (int i = 0; i < bits.remaining() * 8; i++) {
            int bit = (bits.get(i / 8) >> (i % 8)) & 1;
            assertThat(bit).as("bit %d", i).isEqualTo(i < count && values[i] > 0 ? 1 : 0);
        }
    }

    // From numpy: numpy.float32(x).astype(numpy.float16).view(numpy.uint16)
    @ParameterizedTest(name = "{0}")
    @CsvSource({
        "0.0, 0000",
        "-0.0, 8000",
        "1.0, 3c00",
        "-2.5, c100",
        "0.1, 2e66",
        "65504, 7bff",
        "65519.99, 7bff",
        "65520, 7c00",
        "1e9, 7c00",
        "-Infinity, fc00",
        "NaN, 7e00",
        "1.00048828125, 3c00",
        "1.0004884, 3c01",
        "1.00146484375, 3c02",
        "6.1035156e-05, 0400",
        "6.1e-05, 03ff",
        "6.103e-05, 0400",
        "5.9604645e-08, 0001",
        "2.9802322e-08, 0000",
        "2.9802326e-08, 0001",
        "8.940697e-08, 0002",
        "1e-10, 0000"
    })
    void halvesRoundToNearestEven(float value, String half) {
        ByteBuffer halves = TapEncoder.float16(tensor(value)).order(ByteOrder.LITTLE_ENDIAN);

        assertThat(halves.remaining()).isEqualTo(2);
        assertThat(String.format("%04x", halves.getShort(0) & 0xffff)).isEqualTo(half);
    }

    @Test
    void aSliceIsTheSameMemoryWithAnotherShape() {
        FloatTensor tensor = new FloatTensor(List.of(3L, 2L), bytes(1f, 2f, 3f, 4f, 5f, 6f));

        FloatTensor middle = tensor.slice(1, 3);

        assertThat(middle.shape()).containsExactly(2L, 2L);
        assertThat(middle.bytes().getFloat(0)).isEqualTo(3f);
        assertThat(middle.rowBytes()).isEqualTo(8);
    }

    private static FloatTensor tensor(float... values) {
        return new FloatTensor(List.of((long) values.length), bytes(values));
    }

    private static ByteBuffer bytes(float... values) {
        ByteBuffer bytes =
                ByteBuffer.allocateDirect(values.length * 4).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(values);
        return bytes;
    }
}
