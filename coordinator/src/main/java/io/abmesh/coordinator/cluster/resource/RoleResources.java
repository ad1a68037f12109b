package io.abmesh.coordinator.cluster.resource;

import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Default;

/** What a worker of each role gets. */
public record RoleResources(
        @JsonPropertyDescription("Each student-worker.") @Default(WorkerResources.DEFAULT)
                WorkerResources student,
        @JsonPropertyDescription("Each teacher-worker.") @Default(WorkerResources.DEFAULT)
                WorkerResources teacher) {
    static RoleResources defaults() {
        return new RoleResources(WorkerResources.defaults(), WorkerResources.defaults());
    }
}
