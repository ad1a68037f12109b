package io.abmesh.coordinator.cluster.resource;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Max;
import io.fabric8.generator.annotation.Min;
import io.fabric8.kubernetes.api.model.Condition;
import io.fabric8.kubernetes.model.annotation.LabelSelector;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** How far a run has come, as the coordinator saw it last. */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record DistillationRunStatus(
        @JsonPropertyDescription("Generation of the spec that this status is about.")
                long observedGeneration,
        @JsonPropertyDescription("Where the run stands, in one word.") RunPhase phase,
        @JsonPropertyDescription("Steps that are done, in percent of all.") @Min(0) @Max(100)
                int progressPercent,
        @JsonPropertyDescription(
                        "Time that is left at the present speed, in seconds; absent while unknown.")
                @Nullable Long remainingSeconds,
        @JsonPropertyDescription(
                        "Last committed step, counted through all tracks; -1 before the first.")
                long step,
        @JsonPropertyDescription("Steps of the whole run; 0 while unknown.") long totalSteps,
        @JsonPropertyDescription(
                        "Best test accuracy of the distilled student so far, 0 to 1; absent before the first.")
                @Nullable Double bestAccuracy,
        @JsonPropertyDescription(
                        "Mean boundary agreement over the taps at the last step that had one, 0 to 1.")
                @Nullable Double agreement,
        @JsonPropertyDescription("Workers.") WorkerCounts workers,
        @JsonPropertyDescription("Selector of the student-workers' pods, for autoscalers.")
                @LabelSelector
                String selector,
        @JsonPropertyDescription("Where the result is or will be; absent before the run begins.")
                @Nullable ResultLocation result,
        @JsonPropertyDescription(
                        "When the number of teachers changed last, RFC 3339; the cool-down counts from there.")
                @Nullable String teachersScaledTime,
        @JsonPropertyDescription(
                        "The newest spec that was found good, as JSON: what the workers run while a newer one is bad.")
                @Nullable String acceptedSpec,
        @JsonPropertyDescription("SpecValid, Admitted, WorkersReady, Training, Complete.")
                List<Condition> conditions) {
    public DistillationRunStatus {
        conditions = conditions == null ? List.of() : List.copyOf(conditions);
    }
}
