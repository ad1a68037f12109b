package io.abmesh.coordinator.cluster.resource;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Default;
import io.fabric8.generator.annotation.Pattern;
import org.jspecify.annotations.Nullable;

/** Where students keep their checkpoints: a volume each, deleted with the run's workers. */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record StorageSpec(
        @JsonPropertyDescription(
                        "Size of each student's volume, Mi or Gi. Fixed once the run has begun.")
                @Default(SIZE)
                @Pattern(WorkerResources.MEMORY_PATTERN)
                String size,
        @JsonPropertyDescription(
                        "Storage class of the volume; absent: the cluster's default. Fixed once the run has begun.")
                @Nullable String className) {
    /** Size unless said: {@value}. */
    public static final String SIZE = "10Gi";

    static StorageSpec defaults() {
        return new StorageSpec(SIZE, null);
    }
}
