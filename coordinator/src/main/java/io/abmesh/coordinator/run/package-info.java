/**
 * Drives runs: what is computed next, by whom, and what came of it.
 *
 * <p>{@link io.abmesh.coordinator.run.Runs} is the border. Behind it everything that changes is
 * touched on the one thread of the {@link io.abmesh.coordinator.run.Loop} alone, so nothing there
 * is locked; what blocks is done beside it and comes back as a task. From the border inwards:
 *
 * <ul>
 *   <li>{@code RunTurns} and {@code MeshWorkers}: which runs are in progress, and whose each worker
 *       is ({@code Lending});
 *   <li>{@code ActiveRun}: one of them, first its {@code RunOpening}, then its execution;
 *   <li>{@code RunExecution}: {@code StudentEpochs} settle who the students are and where they
 *       stand, and in each epoch an {@code EpochWork} does the work;
 *   <li>{@code EpochWork}: {@code FedSteps} are on their way to the students, {@code Assignments}
 *       say what these are given next, {@code PhaseProgress} when a phase is over.
 * </ul>
 *
 * <p>{@code RunRecord} and {@code RunLog} write down what has happened, {@code RunNotices} what a
 * person may want to know of it.
 */
@NullMarked
package io.abmesh.coordinator.run;

import org.jspecify.annotations.NullMarked;
