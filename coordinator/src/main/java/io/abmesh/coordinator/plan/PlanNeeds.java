package io.abmesh.coordinator.plan;

import io.abmesh.proto.plan.LossReads;
import io.abmesh.proto.v1.LossKind;
import io.abmesh.proto.v1.PhasePlan;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/** What a phase needs of a teacher. */
public final class PlanNeeds {
    private PlanNeeds() {}

    /** Returns whether the phase reads taps. */
    public static boolean taps(PhasePlan phase) {
        return any(phase, reads -> reads.taps() != LossReads.Taps.NONE);
    }

    /**
     * Returns the taps, counted from 0, of which the phase learns on which side of the boundary
     * their neurons are.
     *
     * @param tapCount taps of the plan
     */
    public static Set<Integer> signs(PhasePlan phase, int tapCount) {
        return phase.getLossesList().stream()
                .filter(loss -> LossReads.of(loss.getKind()).taps() == LossReads.Taps.SIGNS)
                .flatMap(loss -> LossReads.taps(loss, tapCount).stream())
                .collect(Collectors.toSet());
    }

    /** Returns whether the phase reads the teacher's logits. */
    public static boolean logits(PhasePlan phase) {
        return any(phase, LossReads::teacherLogits);
    }

    /** Returns whether the phase reads logits of the data's classes. */
    static boolean logitsOfClasses(PhasePlan phase) {
        return any(phase, reads -> reads.teacherLogits() && reads.classifier());
    }

    /** Returns whether the phase trains the student's classifier. */
    public static boolean classifier(PhasePlan phase) {
        return any(phase, LossReads::classifier);
    }

    /** Returns whether the phase needs a teacher at all. */
    public static boolean teacher(PhasePlan phase) {
        return any(phase, LossReads::teacher);
    }

    /** Returns whether the phase compares neurons at some tap, so that their agreement is known. */
    static boolean neurons(PhasePlan phase) {
        return any(phase, LossReads::neurons);
    }

    /** Returns whether the phase may end early, by its agreement. */
    public static boolean mayEndEarly(PhasePlan phase) {
        return phase.getUntil().getPlateauEpochs() > 0 || phase.getUntil().getAgreement() > 0;
    }

    /** Returns whether a kind reads more of taps than their signs. */
    static boolean values(LossKind kind) {
        return LossReads.of(kind).taps() == LossReads.Taps.VALUES;
    }

    private static boolean any(PhasePlan phase, Predicate<LossReads> of) {
        return phase.getLossesList().stream().anyMatch(l -> of.test(LossReads.of(l.getKind())));
    }
}
