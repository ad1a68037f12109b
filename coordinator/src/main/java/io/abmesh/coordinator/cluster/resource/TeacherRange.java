package io.abmesh.coordinator.cluster.resource;

import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.fabric8.generator.annotation.Default;
import io.fabric8.generator.annotation.Max;
import io.fabric8.generator.annotation.Min;

/** Bounds of the number of teacher-workers; both included. */
public record TeacherRange(
        @JsonPropertyDescription("Fewest teacher-workers.") @Default(MIN) @Min(1) @Max(LIMIT)
                int min,
        @JsonPropertyDescription("Most teacher-workers; at least min.")
                @Default(MAX)
                @Min(1)
                @Max(LIMIT)
                int max) {
    /** Fewest teachers unless said: {@value}. */
    public static final String MIN = "1";

    /** Most teachers unless said: {@value}. */
    public static final String MAX = "4";

    /** Both, as JSON: {@value}. */
    static final String DEFAULT = "{\"min\": " + MIN + ", \"max\": " + MAX + "}";

    /** No run has more teachers than {@value}. */
    public static final int LIMIT = 256;

    static TeacherRange defaults() {
        return new TeacherRange(Integer.parseInt(MIN), Integer.parseInt(MAX));
    }
}
