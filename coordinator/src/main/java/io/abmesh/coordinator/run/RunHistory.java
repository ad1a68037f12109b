package io.abmesh.coordinator.run;

import io.abmesh.coordinator.store.Journal;
import io.abmesh.proto.v1.Evaluated;
import io.abmesh.proto.v1.PhaseEnded;
import io.abmesh.proto.v1.PhaseStarted;
import io.abmesh.proto.v1.RosterFormed;
import io.abmesh.proto.v1.RunEvent;
import io.abmesh.proto.v1.StepCommitted;
import io.abmesh.proto.v1.TrackEnded;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What a journal says of a run once steps that were committed again count once: of two events for
 * the same step or phase the later one counts.
 *
 * @param steps committed steps
 * @param evaluations by the step that they follow
 * @param started by {@code TRACK/PHASE}, in order
 * @param ended likewise
 * @param endSteps last step of each ended phase
 * @param tracks that ended, by name
 * @param rosters students that were agreed on, in order
 * @param told number of times that a step was told; more than there are steps if some were computed
 *     again
 * @param removed number of times that a student was not waited for any longer
 * @param events number of events in the journal
 */
public record RunHistory(
        TreeMap<Long, StepCommitted> steps,
        TreeMap<Long, Evaluated> evaluations,
        Map<String, PhaseStarted> started,
        Map<String, PhaseEnded> ended,
        Map<String, Long> endSteps,
        Map<String, TrackEnded> tracks,
        List<RosterFormed> rosters,
        AtomicLong told,
        AtomicLong removed,
        int events) {

    /** Reads a journal. */
    public static RunHistory read(Journal journal) throws IOException {
        RunHistory history =
                new RunHistory(
                        new TreeMap<>(),
                        new TreeMap<>(),
                        new LinkedHashMap<>(),
                        new LinkedHashMap<>(),
                        new LinkedHashMap<>(),
                        new LinkedHashMap<>(),
                        new ArrayList<>(),
                        new AtomicLong(),
                        new AtomicLong(),
                        journal.count());
        for (int i = 0; i < history.events; i++) {
            history.add(journal.read(i));
        }
        return history;
    }

    private void add(RunEvent event) {
        switch (event.getEventCase()) {
            case PHASE_STARTED -> {
                PhaseStarted phase = event.getPhaseStarted();
                started.put(phase.getTrack() + "/" + phase.getPhase(), phase);
            }
            case STEP_COMMITTED -> {
                steps.put(event.getStepCommitted().getStep(), event.getStepCommitted());
                told.incrementAndGet();
            }
            case ROSTER_FORMED -> rosters.add(event.getRosterFormed());
            case EVALUATED -> evaluations.put(event.getEvaluated().getStep(), event.getEvaluated());
            case PHASE_ENDED -> {
                PhaseEnded phase = event.getPhaseEnded();
                String key = phase.getTrack() + "/" + phase.getPhase();
                ended.put(key, phase);
                PhaseStarted start = started.get(key);
                if (start != null) {
                    endSteps.put(key, start.getStartStep() + phase.getStepCount() - 1);
                }
            }
            case TRACK_ENDED -> tracks.put(event.getTrackEnded().getTrack(), event.getTrackEnded());
            case NOTICE -> {
                if (event.getNotice().getReason().equals(StudentEpochs.STUDENT_REMOVED)) {
                    removed.incrementAndGet();
                }
            }
            case RUN_ENDED, EVENT_NOT_SET -> {}
        }
    }

    /** Forgets what is at or behind a step. */
    RunHistory before(long step) {
        steps.tailMap(step, true).clear();
        evaluations.tailMap(step, true).clear();
        return this;
    }
}
