package io.abmesh.coordinator.plan;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.FieldViolation;
import io.abmesh.proto.error.MeshException;
import java.util.List;

/**
 * One thing that is wrong with a plan.
 *
 * @param path key path, for example {@code phases[0].losses[0].kind}; empty for the whole plan
 * @param line line in the user's file, from 1; 0 for a value that was not written there
 * @param column column, from 1
 * @param message what was found and what was expected
 */
public record PlanProblem(String path, int line, int column, String message) {
    /**
     * Returns the problem as a person reads it behind the key: {@code 12:5: text}, or {@code --set:
     * text}.
     */
    String description() {
        return (line == 0 ? "--set" : line + ":" + column) + ": " + message;
    }

    /** Returns one exception that carries all of them. */
    public static MeshException exception(List<PlanProblem> problems) {
        PlanProblem first = problems.get(0);
        String more = problems.size() == 1 ? "" : " (and " + (problems.size() - 1) + " more)";
        return new MeshException(
                        ErrorReason.INVALID_PLAN,
                        "invalid plan: " + first.path() + ": " + first.description() + more)
                .withFieldViolations(
                        problems.stream()
                                .map(p -> new FieldViolation(p.path(), p.description()))
                                .toList());
    }
}
