package io.abmesh.nn.loss;

import static java.util.Objects.requireNonNull;

import io.abmesh.nn.network.FeatureShape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.ShortBuffer;

/**
 * What the teacher answers at one tap for a micro-batch, as it came over the wire: {@code [N, C, H,
 * W]} row-major. Thread-safe as long as nobody writes the bytes.
 *
 * @param encoding layout of the bytes
 * @param bytes from the position to the limit; borrowed, its position is left alone
 */
public record TeacherResponses(Encoding encoding, ByteBuffer bytes) {
    /** Places that are turned round together. */
    private static final int BLOCK = 16;

    /** Layouts, little-endian. */
    public enum Encoding {
        /** One bit per neuron, set where it fires, least significant bit first. */
        SIGN_BITS,
        /** IEEE 754 binary16. */
        FLOAT16,
        /** IEEE 754 binary32. */
        FLOAT32
    }

    public TeacherResponses {
        requireNonNull(encoding, "encoding");
        requireNonNull(bytes, "bytes");
    }

    /** Returns boundaries. */
    public static TeacherResponses signBits(ByteBuffer bytes) {
        return new TeacherResponses(Encoding.SIGN_BITS, bytes);
    }

    /**
     * Checks the number of bytes.
     *
     * @param tap for the message
     * @param neurons of the whole micro-batch
     * @throws IllegalArgumentException if it is another
     */
    public void requireNeurons(String tap, long neurons) {
        long expected =
                switch (encoding) {
                    case SIGN_BITS -> (neurons + 7) / 8;
                    case FLOAT16 -> Short.BYTES * neurons;
                    case FLOAT32 -> Float.BYTES * neurons;
                };
        if (bytes.remaining() != expected) {
            throw new IllegalArgumentException(
                    "teacher's responses have a wrong size: tap="
                            + tap
                            + ", encoding="
                            + encoding
                            + ", found="
                            + bytes.remaining()
                            + " bytes, expected="
                            + expected);
        }
    }

    /**
     * Returns on which side of the boundary each neuron of a sample is: {@code -1} where it fires,
     * {@code +1} where it does not, {@code [H * W, C]}. Zero does not fire.
     */
    public float[] sides(int sample, FeatureShape shape) {
        if (encoding == Encoding.SIGN_BITS) {
            return sidesOfBits((long) sample * shape.elements(), shape);
        }
        float[] sides = values(sample, shape);
        for (int i = 0; i < sides.length; i++) {
            sides[i] = 1 - 2 * NeuronArithmetic.positive(Math.max(sides[i], 0f));
        }
        return sides;
    }

    private float[] sidesOfBits(long firstBit, FeatureShape shape) {
        int channels = shape.channels();
        int positions = shape.positions();
        float[] side = new float[shape.elements()];
        int firstByte = Math.toIntExact(firstBit >>> 3);
        int offset = (int) (firstBit & 7);
        byte[] own = new byte[(offset + side.length + 7) / 8];
        bytes.get(bytes.position() + firstByte, own);
        int bit = offset;
        for (int c = 0; c < channels; c++) {
            for (int p = 0; p < positions; p++, bit++) {
                side[p * channels + c] = 1 - 2 * ((own[bit >>> 3] >>> (bit & 7)) & 1);
            }
        }
        return side;
    }

    /**
     * Returns the responses of a sample, {@code [H * W, C]}.
     *
     * @throws IllegalStateException if only their signs are known
     */
    public float[] values(int sample, FeatureShape shape) {
        int channels = shape.channels();
        int positions = shape.positions();
        float[] rows = rows(sample, shape);
        float[] values = new float[rows.length];
        // Block by block, so that what is written stays in the processor's cache.
        for (int from = 0; from < positions; from += BLOCK) {
            int to = Math.min(positions, from + BLOCK);
            for (int c = 0; c < channels; c++) {
                for (int p = from; p < to; p++) {
                    values[p * channels + c] = rows[c * positions + p];
                }
            }
        }
        return values;
    }

    /**
     * Returns the responses of a sample, {@code [C, H * W]}.
     *
     * @throws IllegalStateException if only their signs are known
     */
    float[] rows(int sample, FeatureShape shape) {
        int neurons = shape.elements();
        float[] rows = new float[neurons];
        ByteBuffer own = bytes.duplicate().order(ByteOrder.LITTLE_ENDIAN);
        switch (encoding) {
            case FLOAT32 -> {
                FloatBuffer floats = own.asFloatBuffer();
                floats.get(sample * neurons, rows);
            }
            case FLOAT16 -> {
                ShortBuffer halves = own.asShortBuffer();
                short[] some = new short[neurons];
                halves.get(sample * neurons, some);
                for (int i = 0; i < neurons; i++) {
                    rows[i] = single(some[i]);
                }
            }
            case SIGN_BITS ->
                    throw new IllegalStateException("a loss reads values of a boundary's bits");
        }
        return rows;
    }

    /** Widens a half-precision number, which is exact. */
    static float single(short half) {
        int sign = (half & 0x8000) << 16;
        int exponent = (half >>> 10) & 0x1f;
        int significand = half & 0x3ff;
        if (exponent == 0) {
            float subnormal = significand * 0x1p-24f;
            return sign == 0 ? subnormal : -subnormal;
        }
        int widened = exponent == 0x1f ? 0xff : exponent + (127 - 15);
        return Float.intBitsToFloat(sign | (widened << 23) | (significand << 13));
    }
}
