package io.abmesh.proto.frame;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.TensorDescription;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;

/**
 * A tensor: its description and its bytes, which nobody writes any more.
 *
 * @param description name, shape and encoding
 * @param bytes row-major, little-endian, from position 0; its remaining length is the description's
 *     size
 */
public record Tensor(TensorDescription description, ByteBuffer bytes) {
    /**
     * Keeps a view of the bytes from their position on.
     *
     * @throws MeshException TENSOR_SIZE_MISMATCH if shape, encoding and length do not belong
     *     together
     */
    public Tensor {
        long expected = Encodings.sizeBytes(description.getEncoding(), description.getShapeList());
        if (bytes.remaining() != expected || description.getSizeBytes() != expected) {
            throw new MeshException(
                    ErrorReason.TENSOR_SIZE_MISMATCH,
                    "tensor has the wrong size: tensor="
                            + description.getName()
                            + ", shape="
                            + description.getShapeList()
                            + ", expected="
                            + expected
                            + ", described="
                            + description.getSizeBytes()
                            + ", found="
                            + bytes.remaining(),
                    Map.of("tensor", description.getName()));
        }
        bytes = bytes.slice();
    }

    /** A view of its own, read-only, little-endian, from position 0 to the end. */
    @Override
    public ByteBuffer bytes() {
        return bytes.asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
    }

    /**
     * Some of the bytes, not to be written. Shows the array of memory that has one, which gRPC
     * sends with one copy less.
     */
    ByteBuffer piece(int start, int length) {
        return bytes.slice(start, length);
    }

    /** Name, unique in the batch. */
    public String name() {
        return description.getName();
    }
}
