package io.abmesh.coordinator.run;

import com.google.protobuf.Timestamp;
import com.google.rpc.Status;
import io.abmesh.coordinator.store.Journal;
import io.abmesh.coordinator.store.RunFolder;
import io.abmesh.coordinator.store.RunStore;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.log.LogContext;
import io.abmesh.proto.v1.PhaseStarted;
import io.abmesh.proto.v1.RosterFormed;
import io.abmesh.proto.v1.Run;
import io.abmesh.proto.v1.RunEnded;
import io.abmesh.proto.v1.RunEvent;
import io.abmesh.proto.v1.RunState;
import java.io.IOException;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.UnaryOperator;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * A run's state and history. State is what the journal says, so a coordinator that was restarted
 * knows it again. Used on the coordinator's loop; {@link #snapshot} anywhere.
 */
public final class RunRecord {
    private static final Logger LOG = Logger.getLogger(RunRecord.class);

    private final Journal journal;
    private final Clock clock;
    private final RunRates rates = new RunRates();
    private final List<Runnable> watchers = new ArrayList<>();
    private final Map<String, Double> accuracies = new ConcurrentHashMap<>();

    /** Phases that have begun, by their first step. */
    private final NavigableMap<Long, PhaseStarted> phases = new TreeMap<>();

    private volatile RunFolder folder;
    private volatile Run state;
    private volatile long epoch;
    private volatile List<String> students = List.of();
    private @Nullable MeshException unwritten;

    private RunRecord(RunFolder folder, Journal journal, Clock clock) {
        this.folder = folder;
        this.journal = journal;
        this.clock = clock;
        this.state =
                Run.newBuilder()
                        .setRunId(folder.runId())
                        .setPlanName(folder.plan().plan().getName())
                        .setPlanSha256(folder.plan().sha256())
                        .setState(RunState.RUN_STATE_PENDING)
                        .setCommittedStep(-1)
                        .setSubmitTime(timestamp(folder.submitTime()))
                        .build();
    }

    /**
     * Opens a run's journal and reads its state.
     *
     * @throws MeshException STORE_FULL if it cannot be read or written; JOURNAL_CORRUPT
     */
    public static RunRecord open(RunFolder folder, Clock clock) {
        try {
            RunRecord record =
                    new RunRecord(folder, Journal.open(folder.file("events.journal")), clock);
            for (int i = 0; i < record.journal.count(); i++) {
                record.apply(record.journal.read(i));
            }
            return record;
        } catch (IOException e) {
            throw RunStore.unusable(folder.folder(), e);
        }
    }

    /** Returns the folder. */
    public RunFolder folder() {
        return folder;
    }

    /** Takes the folder as it is described now; it is the same, and so is its journal. */
    void folder(RunFolder described) {
        folder = described;
    }

    /** Returns the journal, to be read. */
    public Journal journal() {
        return journal;
    }

    /** Returns how fast students and teachers are, as far as this process has seen it. */
    public RunRates rates() {
        return rates;
    }

    /** Returns the state. */
    public Run snapshot() {
        return state;
    }

    /** Returns what the run's log lines belong to. */
    LogContext logContext() {
        return logContext(LogContext.NONE);
    }

    /** The same on account of a worker; while the run runs, at the step to be committed next. */
    LogContext logContext(LogContext worker) {
        Run now = state;
        LogContext run = worker.run(folder.runId());
        return now.getState() == RunState.RUN_STATE_RUNNING
                ? run.step(now.getCommittedStep() + 1)
                : run;
    }

    /** Returns the last test accuracy of each track that has one, 0 to 1. */
    public Map<String, Double> accuracies() {
        return Map.copyOf(accuracies);
    }

    /** Returns the membership epoch of the newest roster; 0 before the first. */
    public long epoch() {
        return epoch;
    }

    /** Returns the names of the students that worked together last; empty before the first did. */
    List<String> students() {
        return students;
    }

    /** Returns whether the run has ended. */
    public boolean ended() {
        return ended(state.getState());
    }

    /** Changes what is no event: where the run is. */
    void update(UnaryOperator<Run.Builder> change) {
        state = change.apply(state.toBuilder()).build();
    }

    /**
     * Adds an event to the journal and to the state and tells watchers.
     *
     * @throws io.abmesh.proto.error.MeshException STORE_FULL if it cannot be written
     */
    RunEvent append(RunEvent.Builder event) {
        try {
            event.setTime(timestamp(clock.instant()));
            RunEvent numbered = journal.append(event, !event.hasStepCommitted());
            unwritten = null;
            apply(numbered);
            List.copyOf(watchers).forEach(Runnable::run);
            return numbered;
        } catch (IOException e) {
            throw RunStore.unusable(folder.folder(), e);
        }
    }

    /**
     * Ends the run. An end that cannot be added to the journal counts as long as this process
     * lives, and watchers are told {@link #unwritten} instead of the event.
     *
     * @param failure why it failed, or what of a cancelled run could not be written; written down
     *     as {@link FailureTexts} cuts it
     */
    void end(RunState last, @Nullable MeshException failure) {
        MeshException cause = failure == null ? null : FailureTexts.cut(failure);
        RunEnded.Builder ended = RunEnded.newBuilder().setState(last);
        if (cause != null) {
            ended.setFailure(ErrorStatuses.toStatus(cause));
        }
        try {
            append(RunEvent.newBuilder().setRunEnded(ended));
        } catch (MeshException e) {
            LOG.errorf(
                    "Run's end cannot be written run=%s cause=%s", folder.runId(), e.getMessage());
            MeshException told = cause == null ? e : cause;
            unwritten = told;
            Run.Builder next = state.toBuilder();
            end(
                    next,
                    RunEnded.newBuilder()
                            .setState(RunState.RUN_STATE_FAILED)
                            .setFailure(ErrorStatuses.toStatus(told))
                            .build(),
                    timestamp(clock.instant()));
            state = next.build();
            List.copyOf(watchers).forEach(Runnable::run);
        }
    }

    /** Returns the named error of an end that the journal does not have. */
    Optional<MeshException> unwritten() {
        return Optional.ofNullable(unwritten);
    }

    /** Calls {@code watcher} behind every event, until it is removed. */
    void watch(Runnable watcher) {
        watchers.add(watcher);
    }

    void unwatch(Runnable watcher) {
        watchers.remove(watcher);
    }

    private void apply(RunEvent event) {
        Run.Builder next = state.toBuilder();
        switch (event.getEventCase()) {
            case PHASE_STARTED -> {
                PhaseStarted phase = event.getPhaseStarted();
                phases.put(phase.getStartStep(), phase);
                running(next).setTrack(phase.getTrack()).setPhase(phase.getPhase());
            }
            case ROSTER_FORMED -> {
                epoch = event.getRosterFormed().getEpoch();
                students = List.copyOf(event.getRosterFormed().getWorkerIdsList());
                roster(next, event.getRosterFormed());
            }
            case STEP_COMMITTED -> committed(next, event.getStepCommitted().getStep());
            case RUN_ENDED -> end(next, event.getRunEnded(), event.getTime());
            case NOTICE -> {
                if (event.getNotice().getReason().equals(RESUMED)) {
                    next.setState(RunState.RUN_STATE_PENDING)
                            .clearEndTime()
                            .clearFailure()
                            .clearDelivery();
                }
            }
            case EVALUATED ->
                    accuracies.put(
                            event.getEvaluated().getTrack(), event.getEvaluated().getAccuracy());
            case PHASE_ENDED, TRACK_ENDED, EVENT_NOT_SET -> {}
        }
        state = next.build();
    }

    private static Run.Builder running(Run.Builder next) {
        return next.setState(RunState.RUN_STATE_RUNNING).clearEndTime().clearFailure();
    }

    /** The run goes on where its leader stands, before or behind what was told last. */
    private static void roster(Run.Builder next, RosterFormed roster) {
        next.setCommittedStep(roster.getNextStep() - 1);
        if (roster.getTotalSteps() > 0) { // journals of older versions do not say it
            next.setTotalSteps(roster.getTotalSteps());
        }
    }

    /** A step behind the roster's position may be told again, which takes nothing back. */
    private void committed(Run.Builder next, long step) {
        running(next).setCommittedStep(Math.max(next.getCommittedStep(), step));
        Map.Entry<Long, PhaseStarted> phase = phases.floorEntry(next.getCommittedStep());
        if (phase != null) {
            next.setTrack(phase.getValue().getTrack()).setPhase(phase.getValue().getPhase());
        }
    }

    /** Reason of the notice that takes a failure back. */
    static final String RESUMED = "RESUMED";

    private static void end(Run.Builder next, RunEnded ended, Timestamp time) {
        next.setState(ended.getState()).setEndTime(time);
        if (ended.getState() == RunState.RUN_STATE_SUCCEEDED) {
            next.setTotalSteps(next.getCommittedStep() + 1); // its last phase may have ended early
        }
        if (ended.hasFailure() && !ended.getFailure().equals(Status.getDefaultInstance())) {
            next.setFailure(ended.getFailure());
        }
    }

    static boolean ended(RunState state) {
        return switch (state) {
            case RUN_STATE_SUCCEEDED, RUN_STATE_FAILED, RUN_STATE_CANCELLED -> true;
            case RUN_STATE_UNSPECIFIED, RUN_STATE_PENDING, RUN_STATE_RUNNING, UNRECOGNIZED -> false;
        };
    }

    static Timestamp timestamp(Instant instant) {
        return Timestamp.newBuilder()
                .setSeconds(instant.getEpochSecond())
                .setNanos(instant.getNano())
                .build();
    }

    void close() {
        try {
            journal.close();
        } catch (IOException e) {
            throw RunStore.unusable(folder.folder(), e);
        }
    }
}
