package io.abmesh.coordinator.run;

import com.google.protobuf.util.Timestamps;
import io.abmesh.coordinator.plan.CompletePlan;
import io.abmesh.coordinator.store.RunFolder;
import io.abmesh.coordinator.store.RunStore;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.Run;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentSkipListMap;

/**
 * The records of all runs that the store holds. Thread-safe, except that one run is made at a time.
 */
final class RunRecords implements AutoCloseable {
    private final RunStore store;
    private final Clock clock;
    private final Map<String, RunRecord> records = new ConcurrentSkipListMap<>();

    /**
     * Opens the journal of every run.
     *
     * @param store borrowed
     * @throws MeshException STORE_FULL if one cannot be read; JOURNAL_CORRUPT
     */
    RunRecords(RunStore store, Clock clock) {
        this.store = store;
        this.clock = clock;
        store.runs().forEach(this::open);
    }

    private RunRecord open(RunFolder folder) {
        RunRecord record = RunRecord.open(folder, clock);
        records.put(folder.runId(), record);
        return record;
    }

    /**
     * Makes a run.
     *
     * @param requestId of its submission; no run has it
     * @throws MeshException STORE_FULL
     */
    RunRecord create(
            String requestId, String yaml, List<String> overrides, Path base, CompletePlan plan) {
        return open(store.create(requestId, yaml, overrides, plan, base));
    }

    /**
     * Takes note that the relative paths of a run's plan are relative to another folder now.
     *
     * @throws MeshException STORE_FULL
     */
    void move(RunRecord record, Path base) {
        record.folder(store.move(record.folder(), base));
    }

    /** Returns a run. */
    Optional<RunRecord> find(String runId) {
        return Optional.ofNullable(records.get(runId));
    }

    /**
     * Returns a run.
     *
     * @throws MeshException RUN_NOT_FOUND
     */
    RunRecord get(String runId) {
        return find(runId)
                .orElseThrow(
                        () ->
                                new MeshException(
                                        ErrorReason.RUN_NOT_FOUND,
                                        "no such run: found=" + runId,
                                        Map.of("run_id", runId)));
    }

    /** Returns the run of a submission. */
    Optional<RunRecord> byRequest(String requestId) {
        return store.byRequest(requestId).map(folder -> get(folder.runId()));
    }

    /** Returns all runs, in no order. */
    List<RunRecord> all() {
        return List.copyOf(records.values());
    }

    /** Returns the runs that have not ended, in the order of their submission. */
    List<RunRecord> unfinished() {
        return store.runs().stream()
                .map(folder -> get(folder.runId()))
                .filter(record -> !record.ended())
                .toList();
    }

    /** Returns the state of all runs, newest first. */
    List<Run> newestFirst() {
        return records.values().stream()
                .map(RunRecord::snapshot)
                .sorted(Comparator.comparingLong(RunRecords::submitMillis).reversed())
                .toList();
    }

    private static long submitMillis(Run run) {
        return Timestamps.toMillis(run.getSubmitTime());
    }

    /** Closes the journals. */
    @Override
    public void close() {
        records.values().forEach(RunRecord::close);
    }
}
