package io.abmesh.student.run;

import io.abmesh.nn.training.PhaseSetup;
import io.abmesh.student.fetch.TensorNeeds;
import io.abmesh.student.schedule.LearningRate;

/**
 * A phase of a track, ready to be trained.
 *
 * @param track place of its track in the run, from 0
 * @param name name in the plan
 * @param startStep first step, counted through the run
 * @param endStep step after the last
 * @param setup losses and optimiser
 * @param learningRate over the phase
 * @param needs tensors of its micro-batches
 */
record PlannedPhase(
        int track,
        String name,
        long startStep,
        long endStep,
        PhaseSetup setup,
        LearningRate learningRate,
        TensorNeeds needs) {

    boolean has(long step) {
        return step >= startStep && step < endStep;
    }

    double learningRateAt(long step) {
        return learningRate.at(step - startStep, endStep - startStep);
    }
}
