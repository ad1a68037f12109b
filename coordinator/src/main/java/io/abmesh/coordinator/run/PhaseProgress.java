package io.abmesh.coordinator.run;

import io.abmesh.coordinator.plan.PlanNeeds;
import io.abmesh.coordinator.run.RunScript.Item;
import io.abmesh.proto.v1.StepCommitted;
import io.abmesh.proto.v1.TrackPhase;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How far an epoch is in its phases: whether one that may end early has reached its plateau, and
 * behind what each is over. On the coordinator's loop.
 */
final class PhaseProgress {
    private final RunScript script;

    /** Step with whose phase the journal is done already. */
    private final long told;

    private @Nullable Plateau plateau;

    /** First step of the phase that the plateau is of. */
    private long plateauStart = -1;

    /** Last step of a phase that ended before its last step. */
    private long early = -1;

    /**
     * Begins without anything seen.
     *
     * @param told last step of a phase whose end the journal has already; -1: none
     */
    PhaseProgress(RunScript script, long told) {
        this.script = script;
        this.told = told;
    }

    /**
     * Takes the agreement of the steps that the phase of a step has behind it.
     *
     * @param history of before
     * @param next step; the first of a phase has none behind it
     * @return whether the phase is at its plateau with the newest of them
     */
    boolean resume(RunHistory history, long next) {
        if (next >= script.totalSteps() || next == 0) {
            return false;
        }
        boolean reached = false;
        long start = script.place(next).phase().getStartStep();
        for (Map.Entry<Long, StepCommitted> step : history.steps().subMap(start, next).entrySet()) {
            reached = reached(step.getKey(), step.getValue().getAgreementList());
        }
        return reached;
    }

    /**
     * Takes the agreement of a committed step. Steps of the next phase may be under way already;
     * each counts for its own.
     *
     * @return whether its phase shall end with it, before its last step
     */
    boolean reached(long step, List<Double> agreement) {
        TrackPhase phase = script.place(step).phase();
        if (!PlanNeeds.mayEndEarly(phase.getPhase())) {
            return false;
        }
        Plateau own = plateau;
        if (own == null || plateauStart != phase.getStartStep()) {
            own = new Plateau(phase.getPhase().getUntil());
            plateau = own;
            plateauStart = phase.getStartStep();
        }
        own.add(agreement);
        return script.decides(step) && own.endEpoch();
    }

    /** A phase ends with a step that is not its last. */
    void endedEarly(long step) {
        early = step;
    }

    /** Returns whether a phase is over once the step is committed: no evaluation is to come. */
    boolean overWithStep(long step) {
        return ends(step) && !evaluates(step);
    }

    /**
     * Returns whether a phase is over once the evaluation behind the step is done, and not told.
     */
    boolean overWithEvaluation(long step) {
        return ends(step) && step != told;
    }

    private boolean ends(long step) {
        return step == early || script.place(step).lastOfPhase(step);
    }

    private boolean evaluates(long step) {
        List<Item> behind = step == early ? script.endOfPhase(step) : script.items(step);
        return behind.stream().anyMatch(item -> item instanceof RunScript.Evaluate);
    }
}
