package io.abmesh.proto.frame;

import com.google.protobuf.ByteString;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.TensorDescription;
import io.abmesh.proto.v1.TensorFrame;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * Puts the tensors of one batch together from their frames and refuses, by name, every frame that
 * does not fit: of another batch or tensor, missing, repeated, misplaced, empty, too long, corrupt.
 * Memory is allocated when a tensor's first frame has passed every check but that of its bytes,
 * never beyond the bound, and written where a frame belongs and nowhere else. After an exception
 * the assembler is of no use. Not thread-safe.
 */
public final class TensorAssembler {
    private final String batchId;
    private final long maxBytes;
    private final IntFunction<ByteBuffer> allocator;
    private final Map<String, Tensor> tensors = new LinkedHashMap<>();
    private long reservedBytes;
    private @Nullable TensorDescription current;
    private @Nullable ByteBuffer bytes;
    private int nextIndex;
    private int count;

    /**
     * Assembles into direct buffers of its own.
     *
     * @param maxBytes bound of all tensors of the batch together, in bytes
     */
    public TensorAssembler(String batchId, long maxBytes) {
        this(batchId, maxBytes, ByteBuffer::allocateDirect);
    }

    /**
     * Assembles into the allocator's buffers.
     *
     * @param maxBytes bound of all tensors of the batch together, in bytes
     * @param allocator takes a length in bytes; returns a buffer at position 0 with at least that
     *     many bytes remaining
     */
    public TensorAssembler(String batchId, long maxBytes, IntFunction<ByteBuffer> allocator) {
        this.batchId = batchId;
        this.maxBytes = maxBytes;
        this.allocator = allocator;
    }

    /**
     * Takes the next frame; returns the tensor that it completes, if it does.
     *
     * @throws MeshException FRAME_OUT_OF_ORDER for a frame of another batch, of a tensor that is
     *     not its turn, missing before this one, repeated, or of another count than the first;
     *     TENSOR_SIZE_MISMATCH if description, count and payloads do not belong together;
     *     CHECKSUM_MISMATCH for a corrupt payload; MESSAGE_TOO_LARGE for a payload over 1 MiB or a
     *     batch over the bound
     */
    public Optional<Tensor> add(TensorFrame frame) {
        try {
            return add(
                    frame, frame.getPayload().size(), target -> copy(frame.getPayload(), target));
        } catch (IOException e) {
            throw new UncheckedIOException(e); // memory can always be read
        }
    }

    /**
     * Takes the next frame, whose payload lies elsewhere.
     *
     * @param payloadBytes length of the payload
     * @param payload is copied when place and length have passed every check
     * @throws IOException what copying throws
     */
    Optional<Tensor> add(TensorFrame frame, int payloadBytes, FrameBytes payload)
            throws IOException {
        if (!frame.getBatchId().equals(batchId)) {
            throw outOfOrder("frame is of another batch", frame, "batch " + batchId);
        }
        TensorDescription description = current;
        ByteBuffer target = bytes;
        if (description == null || target == null) {
            description = begin(frame);
            requireLength(frame, payloadBytes, description, description.getSizeBytes());
            target = allocate(description);
            current = description;
            bytes = target;
        } else {
            requireNext(frame, description);
            requireLength(frame, payloadBytes, description, target.remaining());
        }
        int crc = payload.copyTo(target.slice(target.position(), payloadBytes));
        if (crc != frame.getCrc32C()) {
            throw corrupt(frame, crc);
        }
        target.position(target.position() + payloadBytes);
        nextIndex++;
        if (target.hasRemaining()) {
            return Optional.empty();
        }
        Tensor tensor = new Tensor(description, target.flip());
        tensors.put(tensor.name(), tensor);
        current = null;
        bytes = null;
        nextIndex = 0;
        return Optional.of(tensor);
    }

    /**
     * Says that no frame follows.
     *
     * @throws MeshException FRAME_OUT_OF_ORDER if the last tensor is half there
     */
    public void requireComplete() {
        TensorDescription description = current;
        if (description != null) {
            throw new MeshException(
                    ErrorReason.FRAME_OUT_OF_ORDER,
                    "frames are missing at the end: batch="
                            + batchId
                            + ", tensor="
                            + description.getName()
                            + ", expected="
                            + count
                            + " frames, found="
                            + nextIndex,
                    Map.of("batch", batchId, "tensor", description.getName()));
        }
    }

    /**
     * The complete tensors by name, in the order in which they came; a live view, not to be
     * written.
     */
    public Map<String, Tensor> tensors() {
        return Collections.unmodifiableMap(tensors);
    }

    private TensorDescription begin(TensorFrame frame) {
        if (tensors.containsKey(frame.getTensor())) {
            throw outOfOrder("frame is of a tensor that is complete", frame, "another tensor");
        }
        if (frame.getIndex() != 0) {
            throw outOfOrder("frame is not the first of its tensor", frame, "index 0");
        }
        TensorDescription description = frame.getDescription();
        if (!frame.hasDescription() || !description.getName().equals(frame.getTensor())) {
            throw new MeshException(
                    ErrorReason.TENSOR_SIZE_MISMATCH,
                    "first frame does not describe its tensor: tensor="
                            + frame.getTensor()
                            + ", described="
                            + (frame.hasDescription() ? description.getName() : "nothing"),
                    Map.of("batch", batchId, "tensor", frame.getTensor()));
        }
        long size = Encodings.sizeBytes(description.getEncoding(), description.getShapeList());
        if (size != description.getSizeBytes()) {
            throw sizeMismatch(
                    "tensor has the wrong size", frame, size, description.getSizeBytes());
        }
        long bound = Math.min(maxBytes - reservedBytes, Integer.MAX_VALUE - 8);
        if (size > bound) {
            throw new MeshException(
                    ErrorReason.MESSAGE_TOO_LARGE,
                    "tensor exceeds the bound of its batch: tensor="
                            + frame.getTensor()
                            + ", found="
                            + size
                            + " bytes, expected at most="
                            + bound,
                    Map.of("batch", batchId, "tensor", frame.getTensor()));
        }
        // A sender may cut smaller frames than full ones, but not so small that some are empty.
        if (frame.getCount() < TensorFrames.frameCount(size) || frame.getCount() > size) {
            throw sizeMismatch(
                    "frame count does not fit the tensor",
                    frame,
                    TensorFrames.frameCount(size),
                    frame.getCount());
        }
        reservedBytes += size;
        count = frame.getCount();
        return description;
    }

    private void requireNext(TensorFrame frame, TensorDescription description) {
        if (!frame.getTensor().equals(description.getName())) {
            throw outOfOrder(
                    "frame is of another tensor",
                    frame,
                    "tensor " + description.getName() + " index " + nextIndex);
        }
        if (frame.getIndex() < nextIndex) {
            throw outOfOrder("frame came before", frame, "index " + nextIndex);
        }
        if (frame.getIndex() > nextIndex) {
            throw outOfOrder("frames are missing before this one", frame, "index " + nextIndex);
        }
        if (frame.getCount() != count) {
            throw outOfOrder("frame count changed", frame, "count " + count);
        }
        if (frame.hasDescription()) {
            throw outOfOrder("only a first frame has a description", frame, "no description");
        }
    }

    private void requireLength(
            TensorFrame frame, int length, TensorDescription description, long remaining) {
        if (length == 0) {
            throw sizeMismatch("frame is empty", frame, 1, 0);
        }
        if (length > TensorFrames.MAX_PAYLOAD_BYTES) {
            throw new MeshException(
                    ErrorReason.MESSAGE_TOO_LARGE,
                    "frame is too long: "
                            + place(frame)
                            + ", found="
                            + length
                            + ", expected at most="
                            + TensorFrames.MAX_PAYLOAD_BYTES,
                    Map.of("batch", batchId, "tensor", frame.getTensor()));
        }
        boolean last = frame.getIndex() == frame.getCount() - 1;
        if (length > remaining || last != (length == remaining)) {
            throw sizeMismatch(
                    last ? "last frame does not end the tensor" : "frame goes beyond the tensor",
                    frame,
                    description.getSizeBytes(),
                    description.getSizeBytes() - remaining + length);
        }
    }

    private ByteBuffer allocate(TensorDescription description) {
        int size = Math.toIntExact(description.getSizeBytes());
        ByteBuffer memory = allocator.apply(size);
        return memory.slice(memory.position(), size);
    }

    private static int copy(ByteString payload, ByteBuffer target) {
        payload.copyTo(target);
        return TensorFrames.crc32c(target.flip());
    }

    private MeshException corrupt(TensorFrame frame, int crc) {
        return new MeshException(
                ErrorReason.CHECKSUM_MISMATCH,
                "frame is corrupt: "
                        + place(frame)
                        + ", expected crc32c="
                        + Integer.toHexString(frame.getCrc32C())
                        + ", found="
                        + Integer.toHexString(crc),
                Map.of("batch", batchId, "tensor", frame.getTensor()));
    }

    private MeshException outOfOrder(String what, TensorFrame frame, String expected) {
        return new MeshException(
                ErrorReason.FRAME_OUT_OF_ORDER,
                what + ": " + place(frame) + ", expected=" + expected,
                Map.of("batch", frame.getBatchId(), "tensor", frame.getTensor()));
    }

    private MeshException sizeMismatch(String what, TensorFrame frame, long expected, long found) {
        return new MeshException(
                ErrorReason.TENSOR_SIZE_MISMATCH,
                what + ": " + place(frame) + ", expected=" + expected + ", found=" + found,
                Map.of("batch", batchId, "tensor", frame.getTensor()));
    }

    private static String place(TensorFrame frame) {
        return "batch="
                + frame.getBatchId()
                + ", tensor="
                + frame.getTensor()
                + ", frame="
                + frame.getIndex()
                + " of "
                + frame.getCount();
    }
}
