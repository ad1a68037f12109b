package io.abmesh.coordinator.cluster.decision;

import io.abmesh.coordinator.cluster.resource.RunPhase;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Something that a person reads in {@code kubectl describe}: told when it becomes so, not while it
 * is.
 *
 * @param reason what became so
 * @param message for people
 */
public record Transition(Reason reason, String message) {
    /**
     * Returns what changed between two observations of a run.
     *
     * @param before reasons by condition type word, of the status before; empty for a new run
     */
    public static List<Transition> between(Map<String, String> before, RunVerdict after) {
        List<Transition> transitions = new ArrayList<>();
        for (RunCondition condition : after.conditions()) {
            String old = before.getOrDefault(condition.type().word(), "");
            boolean quiet =
                    switch (condition.reason()) {
                        case UNFINISHED, NOT_STARTED, NO_WORKERS_WANTED -> true;
                        default -> false;
                    };
            boolean own = owner(condition.reason()) == condition.type();
            if (!quiet && own && !old.equals(condition.reason().word())) {
                transitions.add(
                        condition.reason() == Reason.ADMITTED && after.phase() == RunPhase.RUNNING
                                ? new Transition(
                                        Reason.RESUMED, "the run goes on where it stood still")
                                : new Transition(condition.reason(), condition.message()));
            }
        }
        return transitions;
    }

    /** Several conditions may have one reason; one of them tells it. */
    private static ConditionType owner(Reason reason) {
        return switch (reason) {
            case SPEC_ACCEPTED, SPEC_REJECTED -> ConditionType.SPEC_VALID;
            case ADMITTED, QUEUED, WAITS_FOR_WORKERS_TO_LEAVE, SUSPENDED, RESUMED ->
                    ConditionType.ADMITTED;
            case WORKERS_STARTING, WORKERS_READY, NO_WORKERS_WANTED, REFUSED ->
                    ConditionType.WORKERS_READY;
            case TRAINING, NOT_STARTED -> ConditionType.TRAINING;
            case SUCCEEDED, FAILED, CANCELLED, UNFINISHED -> ConditionType.COMPLETE;
            case TEACHERS_SCALED, STUDENTS_SCALED, RESULT_KEPT -> ConditionType.WORKERS_READY;
        };
    }
}
