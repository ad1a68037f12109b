package io.abmesh.coordinator.plan;

import io.abmesh.data.schedule.BatchSchedule;
import io.abmesh.proto.v1.LossKind;
import io.abmesh.proto.v1.LossPlan;
import io.abmesh.proto.v1.PhasePlan;
import io.abmesh.proto.v1.Plan;
import io.abmesh.proto.v1.Track;
import io.abmesh.proto.v1.TrackPhase;
import io.abmesh.proto.v1.UntilPlan;
import java.util.ArrayList;
import java.util.List;

/** Lays a plan out as tracks of phases of steps, numbered through the run. */
public final class TrackPlanner {
    /** Name of the baseline's track: {@value}. */
    public static final String CROSS_ENTROPY = "cross-entropy";

    /** Name of the track of the last phase's losses alone: {@value}. */
    public static final String LAST_PHASE_ONLY = "last-phase-only";

    /** Name of the plan's own track when it has a teacher: {@value}. */
    public static final String DISTILLED = "distilled";

    /** Name of the plan's own track when it has none: {@value}. */
    public static final String SUPERVISED = "supervised";

    private final Plan plan;
    private final int trainCount;
    private long next;

    private TrackPlanner(Plan plan, int trainCount) {
        this.plan = plan;
        this.trainCount = trainCount;
    }

    /**
     * Returns the tracks in the order in which they are trained. Tracks to compare with have as
     * many steps as the plan's own, in one phase with the last phase's optimiser and schedule.
     *
     * @param trainCount training samples after the subset
     */
    public static List<Track> tracks(Plan plan, int trainCount) {
        return new TrackPlanner(plan, trainCount).tracks();
    }

    private List<Track> tracks() {
        List<Track> tracks = new ArrayList<>();
        if (plan.getCompare().getCrossEntropy()) {
            LossPlan loss =
                    LossPlan.newBuilder()
                            .setKind(LossKind.LOSS_KIND_CROSS_ENTROPY)
                            .setWeight(1)
                            .build();
            tracks.add(comparison(CROSS_ENTROPY, List.of(loss)));
        }
        if (plan.getCompare().getLastPhaseOnly()) {
            tracks.add(comparison(LAST_PHASE_ONLY, last().getLossesList()));
        }
        Track.Builder own =
                Track.newBuilder()
                        .setName(plan.hasTeacher() ? DISTILLED : SUPERVISED)
                        .setExport(true);
        plan.getPhasesList().forEach(phase -> own.addPhases(placed(phase, steps(phase))));
        tracks.add(own.build());
        return tracks;
    }

    private Track comparison(String name, List<LossPlan> losses) {
        double epochs = plan.getPhasesList().stream().mapToDouble(PhasePlan::getEpochs).sum();
        long steps = plan.getPhasesList().stream().mapToLong(this::steps).sum();
        PhasePlan phase =
                last().toBuilder()
                        .setName(name)
                        .setEpochs(epochs)
                        .clearLosses()
                        .addAllLosses(losses)
                        .setUntil(UntilPlan.getDefaultInstance())
                        .build();
        return Track.newBuilder().setName(name).addPhases(placed(phase, steps)).build();
    }

    private PhasePlan last() {
        return plan.getPhases(plan.getPhasesCount() - 1);
    }

    private long steps(PhasePlan phase) {
        return BatchSchedule.steps(phase.getEpochs(), trainCount, plan.getBatch());
    }

    private TrackPhase placed(PhasePlan phase, long steps) {
        long start = next;
        next += steps;
        return TrackPhase.newBuilder().setPhase(phase).setStartStep(start).setEndStep(next).build();
    }
}
