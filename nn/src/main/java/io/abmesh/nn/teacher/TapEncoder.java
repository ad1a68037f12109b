package io.abmesh.nn.teacher;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;

/**
 * Writes float32 tensors in the shorter encodings of the wire.
 *
 * <pre>
 * sign bits  byte i: bit j is element 8i + j > 0, least significant bit first; the last byte padded with zeros
 * float16    IEEE 754 binary16, little-endian, rounded to nearest even; beyond 65504 infinite
 * </pre>
 *
 * <p>Sources are little-endian floats from position to limit, borrowed, their position left alone.
 * Thread-safe.
 */
public final class TapEncoder {
    private static final int CHUNK = 8 * 512;

    private TapEncoder() {}

    /** Returns one bit per element of the whole tensor, in a new heap buffer. */
    public static ByteBuffer signBits(FloatTensor tensor) {
        ByteBuffer bits = ByteBuffer.allocate(Math.toIntExact((tensor.elementCount() + 7) / 8));
        signBits(tensor.bytes(), bits);
        return bits.flip();
    }

    /**
     * Writes one bit per element.
     *
     * @param target advanced by {@code ceil(elements / 8)} bytes
     */
    public static void signBits(ByteBuffer floats, ByteBuffer target) {
        IntBuffer source = floats.duplicate().order(ByteOrder.LITTLE_ENDIAN).asIntBuffer();
        int[] chunk = new int[CHUNK];
        byte[] bits = new byte[CHUNK / 8];
        while (source.hasRemaining()) {
            int count = Math.min(CHUNK, source.remaining());
            source.get(chunk, 0, count);
            int whole = count / 8;
            for (int i = 0, at = 0; i < whole; i++, at += 8) {
                bits[i] =
                        (byte)
                                (positive(chunk[at])
                                        | (positive(chunk[at + 1]) << 1)
                                        | (positive(chunk[at + 2]) << 2)
                                        | (positive(chunk[at + 3]) << 3)
                                        | (positive(chunk[at + 4]) << 4)
                                        | (positive(chunk[at + 5]) << 5)
                                        | (positive(chunk[at + 6]) << 6)
                                        | (positive(chunk[at + 7]) << 7));
            }
            target.put(bits, 0, whole);
            if (count % 8 != 0) {
                int last = 0;
                for (int j = 0; j < count % 8; j++) {
                    last |= positive(chunk[whole * 8 + j]) << j;
                }
                target.put((byte) last);
            }
        }
    }

    /**
     * 1 for the bits of a float greater than zero, without a branch: neither zero nor minus zero
     * nor a negative one.
     */
    private static int positive(int bits) {
        return (~bits & -bits) >>> 31;
    }

    /** Returns the tensor in half precision, in a new heap buffer. */
    public static ByteBuffer float16(FloatTensor tensor) {
        ByteBuffer halves =
                ByteBuffer.allocate(Math.toIntExact(tensor.elementCount() * Short.BYTES));
        float16(tensor.bytes(), halves);
        return halves.flip();
    }

    /**
     * Writes half-precision values.
     *
     * @param target advanced by two bytes per element
     */
    public static void float16(ByteBuffer floats, ByteBuffer target) {
        IntBuffer source = floats.duplicate().order(ByteOrder.LITTLE_ENDIAN).asIntBuffer();
        ByteBuffer halves = target.duplicate().order(ByteOrder.LITTLE_ENDIAN);
        while (source.hasRemaining()) {
            halves.putShort(half(source.get()));
        }
        target.position(halves.position());
    }

    private static short half(int bits) {
        int sign = (bits >>> 16) & 0x8000;
        int magnitude = bits & 0x7fffffff;
        if (magnitude >= 0x7f800000) { // infinity stays, NaN keeps a set bit
            return (short) (sign | 0x7c00 | (magnitude > 0x7f800000 ? 0x0200 : 0));
        }
        if (magnitude
                >= 0x38800000) { // normal in half precision: a carry may run up to infinity, which
            // is right
            int rebiased = magnitude - 0x38000000;
            int rounded = (rebiased + 0x0fff + ((rebiased >>> 13) & 1)) >>> 13;
            return (short) (sign | Math.min(rounded, 0x7c00));
        }
        if (magnitude < 0x33000000) { // less than half of the smallest subnormal
            return (short) sign;
        }
        int shift = 126 - (magnitude >>> 23); // 14 to 24
        int significand = (magnitude & 0x007fffff) | 0x00800000;
        int odd = (significand >>> shift) & 1;
        int rounded = (significand + (1 << (shift - 1)) - 1 + odd) >>> shift;
        return (short) (sign | rounded);
    }
}
