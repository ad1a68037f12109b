package io.abmesh.nn.checkpoint;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/**
 * A {@code float32} tensor at rest: shape and bytes, row-major, little-endian.
 *
 * @param shape sizes, all positive; empty for a scalar
 * @param bytes {@code 4 * product(shape)} bytes; handed out as a read-only little-endian duplicate
 *     at position 0
 */
public record StoredTensor(List<Long> shape, ByteBuffer bytes) {
    public StoredTensor {
        shape = List.copyOf(shape);
        long expected = Float.BYTES;
        for (long size : shape) {
            if (size <= 0) {
                throw new IllegalArgumentException("tensor has an empty side: shape=" + shape);
            }
            expected = Math.multiplyExact(expected, size);
        }
        if (bytes.remaining() != expected) {
            throw new IllegalArgumentException(
                    "tensor has a wrong size: found="
                            + bytes.remaining()
                            + " bytes, expected="
                            + expected
                            + ", shape="
                            + shape);
        }
        bytes = bytes.slice().asReadOnlyBuffer();
    }

    /** Copies {@code values}, in row-major order, into a tensor of this shape. */
    public static StoredTensor of(List<Long> shape, float[] values) {
        ByteBuffer bytes =
                ByteBuffer.allocate(Math.multiplyExact(values.length, Float.BYTES))
                        .order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(values);
        return new StoredTensor(shape, bytes);
    }

    @Override
    public ByteBuffer bytes() {
        return bytes.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Returns a copy of the values in row-major order. */
    public float[] floats() {
        float[] values = new float[bytes.remaining() / Float.BYTES];
        bytes().asFloatBuffer().get(values);
        return values;
    }
}
