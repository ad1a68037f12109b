package io.abmesh.nn.teacher;

import static java.util.Objects.requireNonNull;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The direct buffers that a session keeps its one result in; they grow to the largest batch.
 * Confined to the session's thread.
 */
final class ResultBuffers {
    private final List<List<Long>> sampleShapes;
    private final List<ByteBuffer> buffers = new ArrayList<>();

    /**
     * @param sampleShapes shape of one sample per tensor
     */
    ResultBuffers(List<List<Long>> sampleShapes) {
        this.sampleShapes = List.copyOf(sampleShapes);
        for (int i = 0; i < sampleShapes.size(); i++) {
            buffers.add(ByteBuffer.allocateDirect(0).order(ByteOrder.nativeOrder()));
        }
    }

    int tensorCount() {
        return sampleShapes.size();
    }

    int rowElements(int tensor) {
        return Math.toIntExact(FloatTensor.product(sampleShapes.get(tensor)));
    }

    long bytesPerSample() {
        long elements = 0;
        for (int i = 0; i < tensorCount(); i++) {
            elements += rowElements(i);
        }
        return elements * Float.BYTES;
    }

    /**
     * Makes room for a batch.
     *
     * @throws TeacherException with {@link TeacherException.Reason#TENSOR_SIZE_MISMATCH} if a
     *     tensor of it is beyond 2 GiB
     */
    void reserve(int count) {
        for (int i = 0; i < tensorCount(); i++) {
            long bytes = (long) count * rowElements(i) * Float.BYTES;
            if (bytes > Integer.MAX_VALUE) {
                throw new TeacherException(
                        TeacherException.Reason.TENSOR_SIZE_MISMATCH,
                        "batch too large for one tensor: found="
                                + bytes
                                + " bytes, expected=at most "
                                + Integer.MAX_VALUE);
            }
            if (buffers.get(i).capacity() < bytes) {
                buffers.set(
                        i, ByteBuffer.allocateDirect((int) bytes).order(ByteOrder.nativeOrder()));
            }
        }
    }

    /** Returns a writable view of the rows {@code [from, to)} of one tensor. */
    ByteBuffer rows(int tensor, int from, int to) {
        int rowBytes = rowElements(tensor) * Float.BYTES;
        return buffers.get(tensor)
                .duplicate()
                .position(from * rowBytes)
                .limit(to * rowBytes)
                .slice()
                .order(ByteOrder.nativeOrder());
    }

    private FloatTensor tensor(int tensor, int count) {
        List<Long> shape = new ArrayList<>();
        shape.add((long) count);
        shape.addAll(sampleShapes.get(tensor));
        return new FloatTensor(shape, rows(tensor, 0, count));
    }

    /** Returns a view of the whole result; the logits, if any, are the last tensor. */
    TeacherResult result(int count, boolean logits) {
        List<FloatTensor> tensors = new ArrayList<>();
        for (int i = 0; i < tensorCount(); i++) {
            tensors.add(tensor(i, count));
        }
        @Nullable FloatTensor last =
                logits ? requireNonNull(tensors.remove(tensors.size() - 1)) : null;
        return new TeacherResult(tensors, last);
    }

    /** Lets the memory go to the collector. */
    void release() {
        buffers.replaceAll(buffer -> ByteBuffer.allocateDirect(0).order(ByteOrder.nativeOrder()));
    }
}
