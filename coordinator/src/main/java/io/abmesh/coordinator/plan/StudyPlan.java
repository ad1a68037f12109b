package io.abmesh.coordinator.plan;

/**
 * The plan of one run of a study.
 *
 * @param method name of its method
 * @param seed of the plan
 * @param fraction of the training split; 0 where the study names none
 * @param plan complete; its problems stand where the study says what they are about
 */
public record StudyPlan(String method, long seed, double fraction, CompletePlan plan) {}
