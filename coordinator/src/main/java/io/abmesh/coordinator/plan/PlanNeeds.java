package io.abmesh.coordinator.plan;

import io.abmesh.proto.v1.LossKind;
import io.abmesh.proto.v1.PhasePlan;

/** What a phase needs of a teacher. */
public final class PlanNeeds {
    private PlanNeeds() {}

    /** Returns whether the phase reads boundaries. */
    public static boolean boundary(PhasePlan phase) {
        return has(phase, LossKind.LOSS_KIND_BOUNDARY);
    }

    /** Returns whether the phase reads the teacher's logits. */
    public static boolean logits(PhasePlan phase) {
        return has(phase, LossKind.LOSS_KIND_KD);
    }

    /** Returns whether the phase needs a teacher at all. */
    public static boolean teacher(PhasePlan phase) {
        return boundary(phase) || logits(phase);
    }

    private static boolean has(PhasePlan phase, LossKind kind) {
        return phase.getLossesList().stream().anyMatch(loss -> loss.getKind() == kind);
    }
}
