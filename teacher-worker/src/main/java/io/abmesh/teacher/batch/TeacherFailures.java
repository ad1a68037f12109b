package io.abmesh.teacher.batch;

import io.abmesh.nn.teacher.TeacherException;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Names the failures of the engine as the contract does. */
public final class TeacherFailures {
    private TeacherFailures() {}

    /** Returns the failure of the contract for one of the engine. */
    public static MeshException of(TeacherException failure) {
        return new MeshException(
                reason(failure.reason()), message(failure), failure.metadata(), failure);
    }

    /**
     * The same for a forward pass on some rows of a batch: {@code sample} counts in the batch, not
     * in the pass.
     */
    static MeshException ofBatch(TeacherException failure, BatchInput input, List<Integer> rows) {
        Map<String, String> metadata = new HashMap<>(failure.metadata());
        metadata.put("batch", input.batchId());
        String message = message(failure);
        String sample = metadata.remove("sample");
        if (sample != null) {
            int row = rows.get(Integer.parseInt(sample));
            metadata.put("row", Integer.toString(row));
            metadata.put("sample", Long.toString(input.sampleIds().get(row)));
            message =
                    "teacher yields a value that is not finite: batch="
                            + input.batchId()
                            + ", tap="
                            + metadata.get("tap")
                            + ", row="
                            + row
                            + ", sample="
                            + input.sampleIds().get(row)
                            + ", found="
                            + metadata.get("value");
        }
        return new MeshException(reason(failure.reason()), message, metadata, failure);
    }

    private static String message(TeacherException failure) {
        return String.valueOf(failure.getMessage());
    }

    private static ErrorReason reason(TeacherException.Reason reason) {
        return switch (reason) {
            case MODEL_NOT_FOUND, MODEL_UNREADABLE, MODEL_UNSUPPORTED, MODEL_NOT_TRUSTED ->
                    ErrorReason.MODEL_UNREADABLE;
            case TAP_NOT_FOUND -> ErrorReason.TAP_NOT_FOUND;
            case TENSOR_SIZE_MISMATCH -> ErrorReason.TENSOR_SIZE_MISMATCH;
            case TEACHER_NOT_FINITE -> ErrorReason.TEACHER_NOT_FINITE;
            case TEACHER_FAILED -> ErrorReason.TEACHER_FAILED;
        };
    }
}
