package io.abmesh.teacher.stream;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.frame.Tensor;
import io.abmesh.proto.frame.TensorAssembler;
import io.abmesh.proto.transport.Limits;
import io.abmesh.proto.v1.BatchHeader;
import io.abmesh.proto.v1.Encoding;
import io.abmesh.proto.v1.TensorFrame;
import io.abmesh.teacher.batch.BatchInput;
import io.abmesh.teacher.batch.Output;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A batch whose frames are coming in: first those of {@code image}, then, if announced, those of
 * {@code label}. Takes memory frame by frame's tensor, within what the header announced. Not
 * thread-safe.
 */
final class IncomingBatch {
    private static final int MAX_SAMPLES = 65_536;
    private static final int SHA256_DIGITS = 64;
    private static final int TRACE_PARENT_LENGTH = 55;
    private static final int MAX_TENSOR_BYTES = Integer.MAX_VALUE - 8;
    private static final String IMAGE = "image";
    private static final String LABEL = "label";

    private final BatchHeader header;
    private final List<Long> imageShape;
    private final TensorAssembler assembler;

    /**
     * Checks the header.
     *
     * @throws MeshException INVALID_REQUEST, TENSOR_SIZE_MISMATCH, MESSAGE_TOO_LARGE
     */
    IncomingBatch(BatchHeader header, StreamSetup setup) {
        this.header = header;
        long count = header.getSampleIdsCount();
        requireLength("batch_id", header.getBatchIdBytes().size(), Limits.MAX_BATCH_ID_BYTES);
        requireLength("dataset_sha256", header.getDatasetSha256().length(), SHA256_DIGITS);
        requireLength("trace_parent", header.getTraceParent().length(), TRACE_PARENT_LENGTH);
        requireCounts(header);
        if (header.getImageShapeCount() > 0
                && !header.getImageShapeList().equals(setup.imageShape())) {
            throw new MeshException(
                    ErrorReason.TENSOR_SIZE_MISMATCH,
                    "images are not of the stream's size: batch="
                            + header.getBatchId()
                            + ", found="
                            + header.getImageShapeList()
                            + ", expected="
                            + setup.imageShape(),
                    Map.of("batch", header.getBatchId()));
        }
        requireSize(IMAGE, count * setup.imageBytes());
        for (Output output : setup.outputs()) {
            requireSize(output.name(), count * output.rowBytes());
        }
        this.imageShape = new ArrayList<>(List.of(count));
        this.imageShape.addAll(setup.imageShape());
        long bound = count * (setup.imageBytes() + (header.getLabels() ? Integer.BYTES : 0));
        this.assembler = new TensorAssembler(header.getBatchId(), bound, ByteBuffer::allocate);
    }

    String batchId() {
        return header.getBatchId();
    }

    /**
     * Takes a frame; returns the batch when it was the last.
     *
     * @throws MeshException FRAME_OUT_OF_ORDER, CHECKSUM_MISMATCH, TENSOR_SIZE_MISMATCH,
     *     MESSAGE_TOO_LARGE
     */
    Optional<BatchInput> add(TensorFrame frame) {
        String expected = assembler.tensors().containsKey(IMAGE) ? LABEL : IMAGE;
        if (!frame.getTensor().equals(expected)) {
            throw new MeshException(
                    ErrorReason.FRAME_OUT_OF_ORDER,
                    "frame is of another tensor: batch="
                            + frame.getBatchId()
                            + ", found="
                            + frame.getTensor()
                            + ", expected="
                            + expected,
                    Map.of("batch", batchId(), "tensor", frame.getTensor()));
        }
        Optional<Tensor> complete = assembler.add(frame);
        if (complete.isEmpty()) {
            return Optional.empty();
        }
        if (expected.equals(IMAGE)) {
            require(complete.get(), imageShape, Encoding.ENCODING_UINT8);
        } else {
            require(complete.get(), imageShape.subList(0, 1), Encoding.ENCODING_INT32);
        }
        Tensor image = assembler.tensors().get(IMAGE);
        Tensor label = assembler.tensors().get(LABEL);
        if (image == null || (header.getLabels() && label == null)) {
            return Optional.empty();
        }
        return Optional.of(
                new BatchInput(
                        header.getBatchId(),
                        header.getSampleIdsList(),
                        header.getAugmentationIdsList(),
                        header.getDatasetSha256(),
                        image,
                        label,
                        header.hasStep() ? OptionalLong.of(header.getStep()) : OptionalLong.empty(),
                        header.getFirings()));
    }

    private static void requireLength(String field, int length, int most) {
        if (length > most) {
            throw new MeshException(
                    ErrorReason.INVALID_REQUEST,
                    "batch header is wrong: "
                            + field
                            + " is too long, found="
                            + length
                            + ", expected at most="
                            + most,
                    Map.of("field", field, "found", Integer.toString(length)));
        }
    }

    private static void requireCounts(BatchHeader header) {
        int count = header.getSampleIdsCount();
        if (header.getBatchId().isEmpty()
                || count < 1
                || count > MAX_SAMPLES
                || header.getAugmentationIdsCount() != count) {
            throw new MeshException(
                    ErrorReason.INVALID_REQUEST,
                    "batch header is wrong: batch="
                            + header.getBatchId()
                            + ", found="
                            + count
                            + " samples and "
                            + header.getAugmentationIdsCount()
                            + " views, expected=a name, 1 to "
                            + MAX_SAMPLES
                            + " samples and as many views",
                    Map.of("batch", header.getBatchId()));
        }
    }

    private void requireSize(String tensor, long bytes) {
        if (bytes > MAX_TENSOR_BYTES) {
            throw new MeshException(
                    ErrorReason.MESSAGE_TOO_LARGE,
                    "tensor is too large: batch="
                            + batchId()
                            + ", tensor="
                            + tensor
                            + ", found="
                            + bytes
                            + " bytes, expected at most="
                            + MAX_TENSOR_BYTES,
                    Map.of("batch", batchId(), "tensor", tensor));
        }
    }

    private void require(Tensor tensor, List<Long> shape, Encoding encoding) {
        if (!tensor.description().getShapeList().equals(shape)
                || tensor.description().getEncoding() != encoding) {
            throw new MeshException(
                    ErrorReason.TENSOR_SIZE_MISMATCH,
                    "tensor is not what the header says: batch="
                            + batchId()
                            + ", tensor="
                            + tensor.name()
                            + ", found="
                            + tensor.description().getEncoding()
                            + " "
                            + tensor.description().getShapeList()
                            + ", expected="
                            + encoding
                            + " "
                            + shape,
                    Map.of("batch", batchId(), "tensor", tensor.name()));
        }
    }
}
