package io.abmesh.nn.checkpoint;

import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/**
 * State of a training after one of its steps, with its provenance.
 *
 * @param metadata provenance, in alphabetical order; keys are the constants of this class and
 *     whatever else the writer wants known
 * @param tensors parameters, running statistics, connectors and optimiser state by name, in
 *     alphabetical order
 */
public record Checkpoint(Map<String, String> metadata, Map<String, StoredTensor> tensors) {
    /**
     * Metadata key: SHA-256 of the plan, lower-case hex. A checkpoint of another plan is never
     * continued.
     */
    public static final String PLAN_SHA256 = "plan.sha256";

    /** Metadata key: name of the run that wrote it. */
    public static final String RUN_ID = "run.id";

    /** Metadata key: last applied step, counted through the run. */
    public static final String STEP = "step";

    /** Metadata key: track that the step belongs to. */
    public static final String TRACK = "track";

    /** Metadata key: phase that the step belongs to. */
    public static final String PHASE = "phase";

    /** Metadata key: SHA-256 of the teacher's model file; absent without a teacher. */
    public static final String TEACHER_SHA256 = "teacher.sha256";

    /** Metadata key: SHA-256 of the training data. */
    public static final String DATASET_SHA256 = "dataset.sha256";

    /** Metadata key: SHA-256 of the student's parameters and running statistics. */
    public static final String PARAMETERS_SHA256 = "parameters.sha256";

    public Checkpoint {
        metadata = Collections.unmodifiableMap(new TreeMap<>(metadata));
        tensors = Collections.unmodifiableMap(new TreeMap<>(tensors));
    }

    /**
     * Returns the value of a metadata key.
     *
     * @throws CheckpointException with {@link CheckpointException.Reason#CORRUPT} if it is absent
     */
    public String require(String key) {
        String value = metadata.get(key);
        if (value == null) {
            throw new CheckpointException(
                    CheckpointException.Reason.CORRUPT,
                    "checkpoint lacks metadata: found=" + metadata.keySet() + ", expected=" + key);
        }
        return value;
    }
}
