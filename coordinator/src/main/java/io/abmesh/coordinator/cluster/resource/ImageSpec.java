package io.abmesh.coordinator.cluster.resource;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Default;
import org.jspecify.annotations.Nullable;

/** What the workers run; an absent image is the one that the coordinator is configured with. */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record ImageSpec(
        @JsonPropertyDescription("Image of student-workers.") @Nullable String student,
        @JsonPropertyDescription("Image of teacher-workers.") @Nullable String teacher,
        @JsonPropertyDescription("When a node pulls it.") @Default(PULL_POLICY)
                PullPolicy pullPolicy) {
    /** Pull policy unless said: {@value}. */
    public static final String PULL_POLICY = "IfNotPresent";

    /** When a node pulls an image; the constants are Kubernetes' words. */
    @SuppressWarnings("JavaCase") // Kubernetes' own spelling, which Jackson and the schema take
    public enum PullPolicy {
        /** Each time a container starts. */
        Always,
        /** When the node does not have it. */
        IfNotPresent,
        /** Never; the node must have it. */
        Never
    }

    static ImageSpec defaults() {
        return new ImageSpec(null, null, PullPolicy.valueOf(PULL_POLICY));
    }
}
