package io.abmesh.proto.frame;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.Encoding;
import java.util.List;
import java.util.Map;

/**
 * Sizes of tensors: how many elements a shape has and how many bytes an encoding takes for them.
 */
public final class Encodings {
    private Encodings() {}

    /**
     * Returns the product of the shape's dimensions; 1 for a scalar.
     *
     * @throws MeshException TENSOR_SIZE_MISMATCH if a dimension is not positive or the product
     *     exceeds 2^63 - 1
     */
    public static long elementCount(List<Long> shape) {
        long count = 1;
        for (long dimension : shape) {
            if (dimension <= 0) {
                throw mismatch("dimension is not positive: shape=" + shape, shape);
            }
            try {
                count = Math.multiplyExact(count, dimension);
            } catch (ArithmeticException e) {
                throw mismatch("too many elements: shape=" + shape, shape);
            }
        }
        return count;
    }

    /**
     * Returns the length in bytes of a tensor.
     *
     * @throws MeshException TENSOR_SIZE_MISMATCH if the shape is bad, the size exceeds 2^63 - 1, or
     *     the encoding is none that this version knows
     */
    public static long sizeBytes(Encoding encoding, List<Long> shape) {
        long count = elementCount(shape);
        try {
            return switch (encoding) {
                case ENCODING_SIGN_BITS -> count / 8 + (count % 8 == 0 ? 0 : 1);
                case ENCODING_UINT8 -> count;
                case ENCODING_FLOAT16 -> Math.multiplyExact(count, 2L);
                case ENCODING_FLOAT32, ENCODING_INT32 -> Math.multiplyExact(count, 4L);
                case ENCODING_UNSPECIFIED, UNRECOGNIZED ->
                        throw mismatch("unknown encoding: found=" + encoding, shape);
            };
        } catch (ArithmeticException e) {
            throw mismatch("too many bytes: encoding=" + encoding + ", shape=" + shape, shape);
        }
    }

    private static MeshException mismatch(String message, List<Long> shape) {
        return new MeshException(
                ErrorReason.TENSOR_SIZE_MISMATCH, message, Map.of("shape", shape.toString()));
    }
}
