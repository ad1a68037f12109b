package io.abmesh.coordinator.cluster.resource;

import com.fasterxml.jackson.annotation.JsonPropertyDescription;

/** Where a run's result is. It stays there when the resource is deleted. */
public record ResultLocation(
        @JsonPropertyDescription("Name of the run for abmesh watch and abmesh get.") String runId,
        @JsonPropertyDescription("Claim of the coordinator's volume.") String claim,
        @JsonPropertyDescription("Folder of the result on that volume.") String path) {}
