package io.abmesh.student.run;

import io.abmesh.nn.loss.BoundaryLoss;
import io.abmesh.nn.loss.LossTerm;
import io.abmesh.nn.training.PhaseSetup;
import io.abmesh.student.fetch.TensorNeeds;
import io.abmesh.student.schedule.LearningRate;
import io.abmesh.student.schedule.PlateauRule;
import java.util.Optional;

/**
 * A phase of a track, ready to be trained.
 *
 * @param track place of its track in the run, from 0
 * @param name name in the plan
 * @param startStep first step, counted through the run
 * @param endStep step after the last
 * @param setup losses and optimiser
 * @param learningRate over the phase
 * @param plateau when the rate falls with the loss beside; empty: never
 * @param probed whether the scale of its boundary loss is found in its first steps
 * @param needs tensors of its micro-batches
 */
record PlannedPhase(
        int track,
        String name,
        long startStep,
        long endStep,
        PhaseSetup setup,
        LearningRate learningRate,
        Optional<PlateauRule> plateau,
        boolean probed,
        TensorNeeds needs) {

    boolean has(long step) {
        return step >= startStep && step < endStep;
    }

    long length() {
        return endStep - startStep;
    }

    /** Losses and optimiser with that scale of the boundary loss. */
    PhaseSetup setup(double scale) {
        return new PhaseSetup(
                setup.losses().stream().map(term -> scaled(term, scale)).toList(),
                setup.optimizer());
    }

    private static LossTerm scaled(LossTerm term, double scale) {
        return term instanceof BoundaryLoss boundary
                ? new BoundaryLoss(
                        boundary.weight(),
                        boundary.margin(),
                        boundary.reduction(),
                        scale,
                        boundary.taps())
                : term;
    }
}
