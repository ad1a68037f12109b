package io.abmesh.student.run;

import java.util.List;

/**
 * A track of a run, ready to be trained.
 *
 * @param name name in the run
 * @param exported true if its student is the run's result
 * @param phases in order, at least one
 */
record PlannedTrack(String name, boolean exported, List<PlannedPhase> phases) {
    PlannedTrack {
        phases = List.copyOf(phases);
    }

    long startStep() {
        return phases.get(0).startStep();
    }

    long endStep() {
        return phases.get(phases.size() - 1).endStep();
    }
}
