package io.abmesh.coordinator.cluster.resource;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import org.jspecify.annotations.Nullable;

/** Where a run's result is. It stays there when the resource is deleted. */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record ResultLocation(
        @JsonPropertyDescription("Name of the run for abmesh watch and abmesh get.") String runId,
        @JsonPropertyDescription("Claim of the coordinator's volume.") String claim,
        @JsonPropertyDescription("Folder of the result on that volume.") String path,
        @JsonPropertyDescription(
                        "Address of the result in the object store; absent before it is there, or if there is none.")
                @Nullable String objects,
        @JsonPropertyDescription(
                        "Why the result is not in the object store yet; absent otherwise. It is tried again.")
                @Nullable String objectsFailure) {}
