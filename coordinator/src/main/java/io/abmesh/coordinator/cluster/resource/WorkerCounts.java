package io.abmesh.coordinator.cluster.resource;

import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.kubernetes.model.annotation.StatusReplicas;

/** Workers of a run. */
public record WorkerCounts(
        @JsonPropertyDescription("Student-workers that are there.") @StatusReplicas int students,
        @JsonPropertyDescription("Student-workers that are ready.") int studentsReady,
        @JsonPropertyDescription("Teacher-workers that are wanted now, by measured demand.")
                int teachersWanted,
        @JsonPropertyDescription("Teacher-workers that are there.") int teachers,
        @JsonPropertyDescription("Teacher-workers that are ready.") int teachersReady) {}
