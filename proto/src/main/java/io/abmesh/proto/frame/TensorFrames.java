package io.abmesh.proto.frame;

import com.google.protobuf.UnsafeByteOperations;
import io.abmesh.proto.v1.Encoding;
import io.abmesh.proto.v1.TensorDescription;
import io.abmesh.proto.v1.TensorFrame;
import java.nio.ByteBuffer;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.zip.CRC32C;

/**
 * Cuts tensors into frames. All frames of a tensor but the last are full:
 *
 * <pre>
 * index    0              1              2          (count = 3)
 * bytes    0 .. 1 MiB-1   1 .. 2 MiB-1   2 MiB .. size-1
 * field 7  description    -              -
 * </pre>
 */
public final class TensorFrames {
    /** Payload of a full frame, in bytes: {@value}. */
    public static final int MAX_PAYLOAD_BYTES = 1 << 20;

    private TensorFrames() {}

    /**
     * Describes a tensor; the size follows from shape and encoding.
     *
     * @throws io.abmesh.proto.error.MeshException TENSOR_SIZE_MISMATCH if the shape is bad
     */
    public static TensorDescription describe(String name, List<Long> shape, Encoding encoding) {
        return TensorDescription.newBuilder()
                .setName(name)
                .addAllShape(shape)
                .setEncoding(encoding)
                .setSizeBytes(Encodings.sizeBytes(encoding, shape))
                .build();
    }

    /**
     * Returns the frames of a tensor, each made when it is asked for. Payloads are views of {@code
     * bytes} and not copies: from now on nobody may write there. Position and limit of {@code
     * bytes} stay as they are.
     *
     * @throws io.abmesh.proto.error.MeshException TENSOR_SIZE_MISMATCH if the bytes are not as long
     *     as the description says
     */
    public static Iterator<TensorFrame> split(
            String batchId, TensorDescription description, ByteBuffer bytes) {
        return split(batchId, new Tensor(description, bytes));
    }

    /** Returns the frames of a tensor, each made when it is asked for. */
    public static Iterator<TensorFrame> split(String batchId, Tensor tensor) {
        return new FrameIterator(batchId, tensor);
    }

    /** CRC-32C of the remaining bytes; the position moves to the limit. */
    static int crc32c(ByteBuffer bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes);
        return (int) crc.getValue();
    }

    /** Frames that a tensor of that size takes. */
    static int frameCount(long sizeBytes) {
        return Math.toIntExact((sizeBytes + MAX_PAYLOAD_BYTES - 1) / MAX_PAYLOAD_BYTES);
    }

    private static final class FrameIterator implements Iterator<TensorFrame> {
        private final String batchId;
        private final Tensor tensor;
        private final TensorDescription description;
        private final int count;
        private int index;

        FrameIterator(String batchId, Tensor tensor) {
            this.batchId = batchId;
            this.tensor = tensor;
            this.description = tensor.description();
            this.count = frameCount(description.getSizeBytes());
        }

        @Override
        public boolean hasNext() {
            return index < count;
        }

        @Override
        public TensorFrame next() {
            if (!hasNext()) {
                throw new NoSuchElementException("no frame left: count=" + count);
            }
            int start = index * MAX_PAYLOAD_BYTES;
            int length =
                    Math.toIntExact(
                            Math.min(MAX_PAYLOAD_BYTES, description.getSizeBytes() - start));
            ByteBuffer payload = tensor.piece(start, length);
            TensorFrame.Builder frame =
                    TensorFrame.newBuilder()
                            .setBatchId(batchId)
                            .setTensor(description.getName())
                            .setIndex(index)
                            .setCount(count)
                            .setCrc32C(crc32c(payload.duplicate()))
                            .setPayload(UnsafeByteOperations.unsafeWrap(payload));
            if (index == 0) {
                frame.setDescription(description);
            }
            index++;
            return frame.build();
        }
    }
}
