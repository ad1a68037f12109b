package io.abmesh.coordinator.cluster.operator;

import io.abmesh.coordinator.cluster.decision.ConditionType;
import io.abmesh.coordinator.cluster.resource.DistillationRun;
import io.abmesh.coordinator.cluster.resource.DistillationRunSpec;
import io.abmesh.coordinator.cluster.resource.DistillationRunStatus;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.util.Optional;

/**
 * What a run's status says of its specs: which was found good last, and how the newest was judged.
 *
 * @param run the resource
 */
record SpecHistory(DistillationRun run) {

    /** Returns the newest spec that was found good. */
    Optional<DistillationRunSpec> accepted() {
        return status().map(DistillationRunStatus::acceptedSpec)
                .map(json -> Serialization.unmarshal(json, DistillationRunSpec.class));
    }

    /** Returns whether the newest spec was found good. */
    boolean knownGood() {
        return judged()
                && status().orElseThrow().conditions().stream()
                        .anyMatch(
                                c ->
                                        c.getType().equals(ConditionType.SPEC_VALID.word())
                                                && c.getStatus().equals("True"));
    }

    /**
     * Returns the spec that counts: the newest, unless it was found bad. One that was not judged
     * yet counts, so that a run that is as old as another is not passed by it.
     */
    Optional<DistillationRunSpec> inForce() {
        return judged() && !knownGood() ? accepted() : Optional.of(run.getSpec());
    }

    private boolean judged() {
        return status().filter(s -> s.observedGeneration() == run.getMetadata().getGeneration())
                .isPresent();
    }

    private Optional<DistillationRunStatus> status() {
        return Optional.ofNullable(run.getStatus());
    }
}
