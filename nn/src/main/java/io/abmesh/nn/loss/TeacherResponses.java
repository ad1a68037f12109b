package io.abmesh.nn.loss;

import static java.util.Objects.requireNonNull;

import io.abmesh.nn.network.FeatureShape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

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

    /** Sides of eight neurons for each byte of their bits, {@code [256, 8]}. */
    private static final float[] SIDES = sidesOfBytes();

    /** Every half-precision number, widened. */
    private static final float[] WIDENED = widened();

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
     * Tells on which side of the boundary each neuron of a sample is: {@code -1} where it fires,
     * {@code +1} where it does not. Zero does not fire.
     *
     * @param sides written, {@code [H * W, C]}
     */
    public void sides(int sample, FeatureShape shape, float[] sides) {
        if (encoding == Encoding.SIGN_BITS) {
            sidesOfBits((long) sample * shape.elements(), shape, sides);
            return;
        }
        values(sample, shape, sides);
        for (int i = 0; i < sides.length; i++) {
            sides[i] = 1 - 2 * NeuronArithmetic.positive(Math.max(sides[i], 0f));
        }
    }

    private void sidesOfBits(long firstBit, FeatureShape shape, float[] sides) {
        int channels = shape.channels();
        int positions = shape.positions();
        int firstByte = Math.toIntExact(firstBit >>> 3);
        int offset = (int) (firstBit & 7);
        byte[] own = new byte[(offset + sides.length + 7) / 8 + 1];
        bytes.get(bytes.position() + firstByte, own, 0, own.length - 1);
        // Eight places at a time, so that what is written stays in the processor's cache.
        for (int from = 0; from < positions; from += Byte.SIZE) {
            int count = Math.min(Byte.SIZE, positions - from);
            for (int c = 0; c < channels; c++) {
                int eight = Byte.SIZE * eightBits(own, offset + c * positions + from);
                for (int p = 0; p < count; p++) {
                    sides[(from + p) * channels + c] = SIDES[eight + p];
                }
            }
        }
    }

    /** Returns the eight bits from one on; what is behind the last byte is read as zeros. */
    private static int eightBits(byte[] bits, int from) {
        int at = from >>> 3;
        int two = (bits[at] & 0xff) | (bits[at + 1] & 0xff) << Byte.SIZE;
        return (two >>> (from & 7)) & 0xff;
    }

    /**
     * Tells the responses of a sample.
     *
     * @param values written, {@code [H * W, C]}
     * @throws IllegalStateException if only their signs are known
     */
    public void values(int sample, FeatureShape shape, float[] values) {
        int channels = shape.channels();
        int positions = shape.positions();
        float[] rows = rows(sample, shape);
        // Block by block, so that what is written stays in the processor's cache.
        for (int from = 0; from < positions; from += BLOCK) {
            int to = Math.min(positions, from + BLOCK);
            for (int c = 0; c < channels; c++) {
                for (int p = from; p < to; p++) {
                    values[p * channels + c] = rows[c * positions + p];
                }
            }
        }
    }

    /**
     * Returns the responses of a sample, {@code [C, H * W]}; the thread's until it asks again.
     *
     * @throws IllegalStateException if only their signs are known
     */
    float[] rows(int sample, FeatureShape shape) {
        int neurons = shape.elements();
        float[] rows = Workspace.ofThread().rows(neurons);
        ByteBuffer own = bytes.duplicate().order(ByteOrder.LITTLE_ENDIAN);
        switch (encoding) {
            case FLOAT32 -> own.asFloatBuffer().get(sample * neurons, rows);
            case FLOAT16 -> {
                short[] halves = Workspace.ofThread().halves(neurons);
                own.asShortBuffer().get(sample * neurons, halves);
                for (int i = 0; i < neurons; i++) {
                    rows[i] = WIDENED[halves[i] & 0xffff];
                }
            }
            case SIGN_BITS ->
                    throw new IllegalStateException("a loss reads values of a boundary's bits");
        }
        return rows;
    }

    private static float[] sidesOfBytes() {
        float[] sides = new float[Byte.SIZE << Byte.SIZE];
        for (int i = 0; i < sides.length; i++) {
            sides[i] = 1 - 2 * (((i / Byte.SIZE) >>> (i % Byte.SIZE)) & 1);
        }
        return sides;
    }

    private static float[] widened() {
        float[] widened = new float[1 << Short.SIZE];
        for (int half = 0; half < widened.length; half++) {
            widened[half] = single((short) half);
        }
        return widened;
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
