package io.abmesh.coordinator.page;

import io.abmesh.coordinator.plan.PlanNames;
import io.abmesh.coordinator.plan.TrackPlanner;
import io.abmesh.proto.v1.PhasePlan;
import io.abmesh.proto.v1.Plan;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Names of the terms of a phase's loss, as a plan writes them. */
final class TermNames {
    private TermNames() {}

    /**
     * Returns the names in the order in which a step tells the terms; nothing for a phase that is
     * not known.
     */
    static List<String> of(Plan plan, String track, String phase) {
        if (track.equals(TrackPlanner.CROSS_ENTROPY)) {
            return List.of("crossEntropy");
        }
        if (track.equals(TrackPlanner.LAST_PHASE_ONLY) && plan.getPhasesCount() > 0) {
            return names(plan.getPhases(plan.getPhasesCount() - 1));
        }
        return plan.getPhasesList().stream()
                .filter(candidate -> candidate.getName().equals(phase))
                .findFirst()
                .map(TermNames::names)
                .orElse(List.of());
    }

    /** Terms of one kind are told apart by a number. */
    private static List<String> names(PhasePlan phase) {
        List<String> kinds =
                phase.getLossesList().stream()
                        .map(loss -> PlanNames.yamlName(loss.getKind().getValueDescriptor()))
                        .toList();
        List<String> names = new ArrayList<>();
        for (String kind : kinds) {
            names.add(
                    Collections.frequency(kinds, kind) > 1
                            ? kind + " " + (names.size() + 1)
                            : kind);
        }
        return names;
    }
}
