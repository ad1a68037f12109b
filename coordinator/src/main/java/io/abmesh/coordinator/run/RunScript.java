package io.abmesh.coordinator.run;

import io.abmesh.coordinator.plan.PlanNeeds;
import io.abmesh.proto.v1.Plan;
import io.abmesh.proto.v1.Track;
import io.abmesh.proto.v1.TrackPhase;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What happens in a run, in order: a pure function of its tracks. Steps are numbered through the
 * run; behind a step may stand an evaluation, a checkpoint and the end of its track, in this order.
 */
public final class RunScript {
    /** One thing to do. */
    public sealed interface Item {
        /** Returns the step that it is or follows. */
        long step();
    }

    /** Train a step. */
    public record Step(long step) implements Item {}

    /** Measure test accuracy after a step. */
    public record Evaluate(long step) implements Item {}

    /** Publish a checkpoint after a step. */
    public record Checkpoint(long step) implements Item {}

    /** A track is at its end. */
    public record EndTrack(long step, String track) implements Item {}

    /** Where a step is. */
    public record Place(Track track, TrackPhase phase) {
        /** Returns the number of the step from the start of its track, by the plan's numbering. */
        public long stepOfTrack(long step) {
            return step - track.getPhases(0).getStartStep();
        }

        boolean lastOfPhase(long step) {
            return step == phase.getEndStep() - 1;
        }

        boolean lastOfTrack(long step) {
            return step == track.getPhases(track.getPhasesCount() - 1).getEndStep() - 1;
        }
    }

    private final Plan plan;
    private final List<Track> tracks;
    private final int trainCount;

    /**
     * Makes the script.
     *
     * @param trainCount training samples, an epoch
     */
    public RunScript(Plan plan, List<Track> tracks, int trainCount) {
        this.plan = plan;
        this.tracks = List.copyOf(tracks);
        this.trainCount = trainCount;
    }

    /** Returns the tracks. */
    public List<Track> tracks() {
        return tracks;
    }

    /** Returns the number of steps. */
    public long totalSteps() {
        Track last = tracks.get(tracks.size() - 1);
        return last.getPhases(last.getPhasesCount() - 1).getEndStep();
    }

    /** Returns where a step is. */
    public Place place(long step) {
        for (Track track : tracks) {
            for (TrackPhase phase : track.getPhasesList()) {
                if (step >= phase.getStartStep() && step < phase.getEndStep()) {
                    return new Place(track, phase);
                }
            }
        }
        throw new IllegalArgumentException(
                "step: found=" + step + ", expected=[0, " + totalSteps() + ")");
    }

    /** Returns the step and what stands behind it. */
    public List<Item> items(long step) {
        List<Item> items = new ArrayList<>();
        items.add(new Step(step));
        items.addAll(behind(step, place(step).lastOfPhase(step)));
        return items;
    }

    /** Returns what stands behind a step at which its phase ends, by plan or early. */
    public List<Item> endOfPhase(long step) {
        return behind(step, true);
    }

    private List<Item> behind(long step, boolean phaseEnds) {
        Place place = place(step);
        boolean trackEnds =
                phaseEnds && place.phase().getEndStep() == lastStepOf(place.track()) + 1;
        List<Item> items = new ArrayList<>();
        int every = plan.getEvaluateEveryEpochs();
        boolean classifies = PlanNeeds.classifier(place.phase().getPhase());
        boolean epochs =
                every > 0
                        && classifies
                        && epochsDone(place, step) / every > epochsDone(place, step - 1) / every;
        if (trackEnds || epochs || (phaseEnds && classifies)) {
            items.add(new Evaluate(step));
        }
        int steps = plan.getCheckpointEverySteps();
        if (phaseEnds || (steps > 0 && (step + 1) % steps == 0)) {
            items.add(new Checkpoint(step));
        }
        if (trackEnds) {
            items.add(new EndTrack(step, place.track().getName()));
        }
        return items;
    }

    private static long lastStepOf(Track track) {
        return track.getPhases(track.getPhasesCount() - 1).getEndStep() - 1;
    }

    /** Returns whole epochs of the track once a step is done. */
    long epochsDone(Place place, long step) {
        return wholeEpochs(place.stepOfTrack(step) + 1);
    }

    /** Returns epochs of the track once a step is done. */
    public double epochs(long step) {
        return (place(step).stepOfTrack(step) + 1.0) * plan.getBatch() / trainCount;
    }

    /** Returns whether a step is the last of an epoch of a phase that may end early. */
    public boolean decides(long step) {
        Place place = place(step);
        long ofPhase = step - place.phase().getStartStep();
        return PlanNeeds.mayEndEarly(place.phase().getPhase())
                && !place.lastOfPhase(step)
                && wholeEpochs(ofPhase + 1) > wholeEpochs(ofPhase);
    }

    /** Returns whole epochs in so many steps. */
    private long wholeEpochs(long steps) {
        return steps * plan.getBatch() / trainCount;
    }

    /** Returns the step that follows the phase of {@code step}, if any. */
    public Optional<Long> nextPhase(long step) {
        long next = place(step).phase().getEndStep();
        return next < totalSteps() ? Optional.of(next) : Optional.empty();
    }

    /** Returns whether some phase needs a teacher. */
    public boolean needsTeacher() {
        return tracks.stream()
                .flatMap(t -> t.getPhasesList().stream())
                .anyMatch(p -> PlanNeeds.teacher(p.getPhase()));
    }
}
