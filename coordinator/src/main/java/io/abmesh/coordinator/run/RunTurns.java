package io.abmesh.coordinator.run;

import io.abmesh.coordinator.meter.CoordinatorMeters;
import io.abmesh.coordinator.meter.RunMeters;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.RunState;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Which runs are in progress and which wait for their turn, in the order of their submission. Owns
 * the runs in progress, and the workers that are lent to them. On the coordinator's loop.
 */
final class RunTurns {
    private static final Logger LOG = Logger.getLogger(RunTurns.class);

    private final SharedParts shared;
    private final CoordinatorMeters meters;
    private final Consumer<RunRecord> delivery;
    private final MeshWorkers workers = new MeshWorkers(this::inProgress);
    private final List<RunRecord> queue;
    private final Map<RunRecord, ActiveRun> active = new LinkedHashMap<>();

    /** Runs that were under way when the coordinator was lost. */
    private final Set<RunRecord> interrupted = new HashSet<>();

    private final Instant startTime;
    private String ownAddress = "";

    /**
     * Lets every run wait until {@link #start}.
     *
     * @param unfinished runs of coordinators before, in the order of their submission
     * @param delivery is told of each run that has ended
     */
    RunTurns(
            SharedParts shared,
            CoordinatorMeters meters,
            List<RunRecord> unfinished,
            Consumer<RunRecord> delivery) {
        this.shared = shared;
        this.meters = meters;
        this.delivery = delivery;
        this.queue = new ArrayList<>(unfinished);
        this.startTime = shared.clock().instant();
        unfinished.stream()
                .filter(run -> run.snapshot().getState() == RunState.RUN_STATE_RUNNING)
                .forEach(interrupted::add);
    }

    /** Returns the workers. */
    MeshWorkers workers() {
        return workers;
    }

    /** Returns the runs in progress, oldest first. */
    List<ActiveRun> inProgress() {
        return List.copyOf(active.values());
    }

    /** Returns a run if it is in progress. */
    Optional<ActiveRun> inProgress(RunRecord record) {
        return Optional.ofNullable(active.get(record));
    }

    /** Returns whether a run is in progress or waits for its turn. */
    boolean has(RunRecord record) {
        return active.containsKey(record) || queue.contains(record);
    }

    /** Begins to give turns; students fetch teacherless batches at {@code address}. */
    void start(String address) {
        ownAddress = address;
        next();
    }

    /** Lets a run wait for its turn. */
    void add(RunRecord record) {
        queue.add(record);
        next();
    }

    /** Lets a run that has failed wait for its turn again. */
    void resume(RunRecord record) {
        if (record.snapshot().getState() == RunState.RUN_STATE_FAILED && !has(record)) {
            record.logContext().during(() -> noticeResumed(record));
            add(record);
        }
    }

    /** Begins a run anew if it is in progress, with what is known of it now. */
    void restart(RunRecord record) {
        if (active.containsKey(record)) {
            park(record);
            unpark(record);
        }
    }

    private void noticeResumed(RunRecord record) {
        String runId = record.folder().runId();
        RunMeters own = meters.begin(runId);
        try {
            new RunNotices(record, own).notice(RunRecord.RESUMED, "submitted again");
        } finally {
            meters.rest(runId); // until its turn
        }
    }

    /** Ends a run that has not ended. */
    void cancel(RunRecord record) {
        if (!record.ended()) {
            queue.remove(record);
            end(record, RunState.RUN_STATE_CANCELLED, null);
        }
    }

    /** Takes a run's turn away as if the coordinator had been stopped. */
    void park(RunRecord record) {
        queue.remove(record);
        ActiveRun run = active.remove(record);
        if (run != null) {
            run.stop();
            closeLog(run);
            run.close();
        }
        meters.rest(record.folder().runId());
        next();
    }

    /** Lets a run that was parked wait for its turn again. */
    void unpark(RunRecord record) {
        if (!record.ended() && !has(record)) {
            add(record);
        }
    }

    /** Begins as many runs as may go on at a time, and gives workers that are free to runs. */
    private void next() {
        if (ownAddress.isEmpty()) {
            return;
        }
        List<ActiveRun> begun = new ArrayList<>();
        while (active.size() < shared.settings().maxParallelRuns() && !queue.isEmpty()) {
            begun.add(begin(queue.remove(0)));
        }
        workers.lend();
        begun.forEach(ActiveRun::begin);
    }

    private ActiveRun begin(RunRecord record) {
        String runId = record.folder().runId();
        ActiveRun run =
                new ActiveRun(
                        record,
                        shared,
                        meters.begin(runId),
                        ownAddress,
                        interrupted.remove(record) ? Optional.of(startTime) : Optional.empty(),
                        this::end);
        active.put(record, run);
        record.logContext()
                .during(() -> LOG.infof("Run has its turn run=%s plan=%s", runId, run.planName()));
        return run;
    }

    private void end(RunRecord record, RunState state, @Nullable MeshException cause) {
        record.logContext().during(() -> conclude(record, state, cause));
        next();
    }

    private void conclude(RunRecord record, RunState state, @Nullable MeshException cause) {
        String runId = record.folder().runId();
        ActiveRun run = active.remove(record);
        if (run != null) {
            run.stop();
        }
        try {
            if (run != null) {
                run.writeResult(state);
            }
            record.end(state, cause);
        } catch (MeshException e) {
            LOG.errorf("Run's result cannot be written run=%s cause=%s", runId, e.getMessage());
            // What a run failed of first is what its user needs to know.
            boolean failed = state == RunState.RUN_STATE_FAILED && cause != null;
            record.end(
                    state == RunState.RUN_STATE_SUCCEEDED ? RunState.RUN_STATE_FAILED : state,
                    failed ? cause : e);
        }
        if (run != null) {
            run.close();
        }
        meters.rest(runId);
        meters.ended(record.snapshot().getState());
        delivery.accept(record);
        if (cause != null) {
            LOG.errorf(
                    "Run failed run=%s reason=%s cause=%s",
                    runId, cause.reason(), cause.getMessage());
        } else {
            LOG.infof("Run ended run=%s state=%s", runId, record.snapshot().getState());
        }
    }

    /** Closes what the runs in progress have open; they go on when the store is opened again. */
    void close() {
        for (ActiveRun run : active.values()) {
            closeLog(run);
            run.close();
        }
    }

    /** What cannot be closed is no reason to leave others open, or to let them wait. */
    private static void closeLog(ActiveRun run) {
        try {
            run.closeLog();
        } catch (MeshException e) {
            LOG.errorf("Run's log cannot be closed run=%s cause=%s", run.runId(), e.getMessage());
        }
    }
}
