package io.abmesh.nn.teacher;

import static java.util.Objects.requireNonNull;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * A float32 tensor as bytes: row-major, little-endian, no padding.
 *
 * @param shape first dimension N, all positive
 * @param bytes {@code 4 * product(shape)} bytes, read-only; who owns them says the method that
 *     hands the tensor out
 */
public record FloatTensor(List<Long> shape, ByteBuffer bytes) {
    public FloatTensor {
        requireNonNull(bytes, "bytes");
        shape = List.copyOf(shape);
        long expected = Float.BYTES * product(shape);
        if (shape.isEmpty() || expected <= 0 || bytes.remaining() != expected) {
            throw new IllegalArgumentException(
                    "tensor size mismatch: found="
                            + bytes.remaining()
                            + " bytes, expected="
                            + expected
                            + ", shape="
                            + shape);
        }
        bytes = bytes.slice().asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Returns a view of the bytes with its own position, read-only and little-endian. */
    @Override
    public ByteBuffer bytes() {
        return bytes.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Returns the number of values. */
    public long elementCount() {
        return bytes.capacity() / Float.BYTES;
    }

    /** Returns the bytes of one row of the first dimension. */
    public int rowBytes() {
        return (int) (bytes.capacity() / shape.get(0));
    }

    /** Returns a view of the rows {@code [from, to)} of the first dimension, on the same memory. */
    public FloatTensor slice(int from, int to) {
        if (from < 0 || to <= from || to > shape.get(0)) {
            throw new IllegalArgumentException(
                    "no such rows: found=[" + from + ", " + to + "), expected=within " + shape);
        }
        List<Long> part = new ArrayList<>(shape);
        part.set(0, (long) (to - from));
        return new FloatTensor(part, bytes().position(from * rowBytes()).limit(to * rowBytes()));
    }

    static long product(List<Long> shape) {
        long product = 1;
        for (long size : shape) {
            product = Math.multiplyExact(product, size);
        }
        return product;
    }
}
