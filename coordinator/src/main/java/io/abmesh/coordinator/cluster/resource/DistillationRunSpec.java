package io.abmesh.coordinator.cluster.resource;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import com.fasterxml.jackson.databind.JsonNode;
import io.fabric8.generator.annotation.Default;
import io.fabric8.generator.annotation.Max;
import io.fabric8.generator.annotation.Min;
import io.fabric8.generator.annotation.Required;
import io.fabric8.kubernetes.model.annotation.SpecReplicas;
import java.util.Comparator;

/**
 * What is to be learned, and with what. Defaults are filled in by the API server, from the
 * annotations here.
 *
 * @param plan the plan, with the keys of {@code abmesh.v1.Plan}; checked by the plan reader
 * @param students student-workers
 * @param teachers bounds of the number of teacher-workers
 * @param resources what each worker gets
 * @param storage where students keep checkpoints
 * @param image what workers run
 * @param suspend whether the run stands still
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record DistillationRunSpec(
        @JsonPropertyDescription(
                        "What to learn. Cannot change once the run has begun. Keys that the plan does not have are reported in the"
                                + " condition SpecValid.")
                @Required
                JsonNode plan,
        @JsonPropertyDescription(
                        "Student-workers. May change while the run goes on; the result is the same for any number.")
                @Default(STUDENTS)
                @Min(1)
                @Max(MAX_STUDENTS)
                @SpecReplicas
                int students,
        @JsonPropertyDescription(
                        "Bounds of the number of teacher-workers; between them the coordinator follows the students' measured"
                                + " demand. Ignored by a plan without a teacher.")
                @Default(TeacherRange.DEFAULT)
                TeacherRange teachers,
        @JsonPropertyDescription("What each worker gets.") @Default("{}") RoleResources resources,
        @JsonPropertyDescription("Where students keep their checkpoints.") @Default("{}")
                StorageSpec storage,
        @JsonPropertyDescription("What the workers run.") @Default("{}") ImageSpec image,
        @JsonPropertyDescription(
                        "True: the workers are stopped and what the run has reached is kept; false: it goes on from there.")
                @Default("false")
                boolean suspend) {
    /** Students of a run that names no number: {@value}. */
    public static final String STUDENTS = "1";

    /** Students of a run at most. */
    public static final int MAX_STUDENTS = 64;

    private static final Comparator<JsonNode> BY_VALUE =
            (one, two) -> {
                if (one.isNumber() && two.isNumber()) {
                    return one.decimalValue().compareTo(two.decimalValue());
                }
                return one.equals(two) ? 0 : 1;
            };

    /** Returns the same with another number of students. */
    public DistillationRunSpec withStudents(int changed) {
        return new DistillationRunSpec(plan, changed, teachers, resources, storage, image, suspend);
    }

    /** Returns the same with other bounds of teachers. */
    public DistillationRunSpec withTeachers(TeacherRange changed) {
        return new DistillationRunSpec(plan, students, changed, resources, storage, image, suspend);
    }

    /** Returns the same, standing still or not. */
    public DistillationRunSpec withSuspend(boolean changed) {
        return new DistillationRunSpec(
                plan, students, teachers, resources, storage, image, changed);
    }

    /** Returns the same with another plan. */
    public DistillationRunSpec withPlan(JsonNode changed) {
        return new DistillationRunSpec(
                changed, students, teachers, resources, storage, image, suspend);
    }

    /**
     * Returns whether another spec has the same plan. The API server writes {@code 1.0} as {@code
     * 1}, so numbers are compared by their values.
     */
    public boolean samePlan(DistillationRunSpec other) {
        return plan.equals(BY_VALUE, other.plan);
    }

    /** Returns a plan with every default of the rest. */
    public static DistillationRunSpec of(JsonNode plan) {
        return new DistillationRunSpec(
                plan,
                Integer.parseInt(STUDENTS),
                TeacherRange.defaults(),
                RoleResources.defaults(),
                StorageSpec.defaults(),
                ImageSpec.defaults(),
                false);
    }
}
