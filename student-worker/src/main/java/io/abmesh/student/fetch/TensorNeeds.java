package io.abmesh.student.fetch;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.frame.Tensor;
import io.abmesh.proto.v1.TensorDescription;
import java.util.List;
import java.util.Map;

/**
 * Everything that is wanted of a micro-batch. Since shapes and encodings are known, so is the
 * memory that it takes, before a byte is fetched.
 *
 * @param tensors in the order wanted
 */
public record TensorNeeds(List<TensorNeed> tensors) {
    public TensorNeeds {
        tensors = List.copyOf(tensors);
    }

    /** Names in the order wanted. */
    public List<String> names() {
        return tensors.stream().map(TensorNeed::name).toList();
    }

    /** Bytes that the tensors of that many samples take in a {@link TensorSlab}. */
    public long slabBytes(int sampleCount) {
        long bytes = 0;
        for (TensorNeed need : tensors) {
            bytes = Math.addExact(bytes, TensorSlab.padded(need.sizeBytes(sampleCount)));
        }
        return bytes;
    }

    /**
     * Checks what came.
     *
     * @throws MeshException TENSOR_NOT_FOUND if a tensor is missing; TENSOR_SIZE_MISMATCH if one
     *     has another shape or encoding
     */
    void check(String batchId, Map<String, Tensor> found, int sampleCount) {
        for (TensorNeed need : tensors) {
            Tensor tensor = found.get(need.name());
            if (tensor == null) {
                throw new MeshException(
                        ErrorReason.TENSOR_NOT_FOUND,
                        "batch lacks a tensor: batch="
                                + batchId
                                + ", expected="
                                + need.name()
                                + ", found="
                                + found.keySet(),
                        Map.of("batch", batchId, "tensor", need.name()));
            }
            TensorDescription description = tensor.description();
            List<Long> shape = need.shape(sampleCount);
            if (description.getEncoding() != need.encoding()
                    || !description.getShapeList().equals(shape)) {
                throw new MeshException(
                        ErrorReason.TENSOR_SIZE_MISMATCH,
                        "tensor is not the expected one: batch="
                                + batchId
                                + ", tensor="
                                + need.name()
                                + ", found="
                                + description.getEncoding()
                                + description.getShapeList()
                                + ", expected="
                                + need.encoding()
                                + shape,
                        Map.of("batch", batchId, "tensor", need.name()));
            }
        }
    }
}
