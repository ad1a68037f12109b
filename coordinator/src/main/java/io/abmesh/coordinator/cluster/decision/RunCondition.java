package io.abmesh.coordinator.cluster.decision;

/**
 * One condition of a run.
 *
 * @param type which
 * @param holds whether it does
 * @param reason why
 * @param message for people
 */
public record RunCondition(ConditionType type, boolean holds, Reason reason, String message) {}
