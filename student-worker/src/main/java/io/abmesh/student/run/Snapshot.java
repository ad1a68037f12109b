package io.abmesh.student.run;

import io.abmesh.nn.checkpoint.Checkpoint;
import io.abmesh.nn.checkpoint.StoredTensor;
import io.abmesh.nn.training.StudentTrainer;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A copy of everything that training goes on from, which later steps do not change.
 *
 * @param step last applied step
 * @param metadata of the checkpoint that it becomes, without the hash of the parameters
 * @param trained the trainer's tensors by name, in the order of the network
 * @param course tensors of the phase's course by name; empty if it has none
 */
record Snapshot(
        long step,
        Map<String, String> metadata,
        Map<String, StoredTensor> trained,
        Map<String, StoredTensor> course) {

    /** Returns the checkpoint, with the hash of its parameters; takes as long as the hash. */
    Checkpoint checkpoint() {
        Map<String, String> complete = new HashMap<>(metadata);
        complete.put(Checkpoint.PARAMETERS_SHA256, StudentTrainer.parametersSha256(trained));
        Map<String, StoredTensor> state = new LinkedHashMap<>(trained);
        state.putAll(course);
        return new Checkpoint(complete, state);
    }
}
