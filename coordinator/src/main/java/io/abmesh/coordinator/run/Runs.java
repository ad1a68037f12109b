package io.abmesh.coordinator.run;

import io.abmesh.coordinator.meter.CoordinatorMeters;
import io.abmesh.coordinator.plan.CompletePlan;
import io.abmesh.coordinator.plan.PlanAgainstWorld;
import io.abmesh.coordinator.plan.PlanProblem;
import io.abmesh.coordinator.plan.PlanReader;
import io.abmesh.coordinator.store.RunFolder;
import io.abmesh.coordinator.worker.WorkerListener;
import io.abmesh.data.image.DatasetException;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.ExpandStudyResponse;
import io.abmesh.proto.v1.Run;
import io.abmesh.proto.v1.RunState;
import io.abmesh.proto.v1.RunWorkers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;

/**
 * All runs, for whoever asks on whatever thread. As many as {@link Settings#maxParallelRuns} are in
 * progress at a time, begun in the order of their submission, each with workers of its own; the
 * others wait.
 *
 * <p>Of a run alone are its workers, batches, epochs, journal, ledger and meters. What all share
 * are the {@link SharedParts}.
 *
 * <p>This is the border of the coordinator's loop: what changes a run goes there as a task. Methods
 * are called on any thread, except those that say that they are called on the loop.
 */
public final class Runs implements AutoCloseable {
    /**
     * What the runs need around them.
     *
     * @param maxParallelRuns runs in progress at a time; at least 1
     */
    public record Settings(
            int maxParallelRuns,
            int evaluationBatch,
            Duration describeDeadline,
            Duration stallTimeout,
            Duration positionDeadline,
            Duration progressDeadline,
            StepSampling sampling) {}

    private final SharedParts shared;
    private final Loop loop;
    private final Optional<ResultDelivery> delivery;
    private final CoordinatorMeters meters;
    private final RunRecords records;

    /** Touched on the loop alone, once it is made. */
    private final RunTurns turns;

    /**
     * Makes the runs known that the store holds.
     *
     * @param shared borrowed
     * @param delivery puts results elsewhere too, borrowed; empty: they stay in the store
     * @throws MeshException STORE_FULL if a journal cannot be read; JOURNAL_CORRUPT
     */
    public Runs(SharedParts shared, Optional<ResultDelivery> delivery, CoordinatorMeters meters) {
        this.shared = shared;
        this.loop = shared.loop();
        this.delivery = delivery;
        this.meters = meters;
        this.records = new RunRecords(shared.store(), shared.clock());
        this.turns = new RunTurns(shared, meters, records.unfinished(), this::deliver);
    }

    private void deliver(RunRecord record) {
        delivery.ifPresent(results -> results.deliver(record));
    }

    /** Begins to execute runs; students fetch teacherless batches at {@code address}. */
    public void start(String address) {
        loop.execute(
                () -> {
                    records.all().stream().filter(RunRecord::ended).forEach(this::deliver);
                    turns.start(address);
                });
    }

    /** Returns who is to be told, on the loop, what workers do. */
    public WorkerListener workerListener() {
        return turns.workers();
    }

    /** Looks at the time; to be called on the loop, every few seconds. */
    public void beat() {
        turns.inProgress().forEach(ActiveRun::beat);
    }

    /** Shows in the meters what is there; on the loop. */
    public void measure() {
        meters.levels(
                new CoordinatorMeters.Levels(
                        records.all().stream()
                                .collect(
                                        Collectors.groupingBy(
                                                record -> record.snapshot().getState(),
                                                Collectors.counting())),
                        turns.workers().teacherCount(),
                        turns.workers().studentCount()));
        turns.inProgress().forEach(ActiveRun::measure);
    }

    /** Returns a run. */
    public Optional<RunRecord> find(String runId) {
        return records.find(runId);
    }

    /**
     * Returns a run.
     *
     * @throws MeshException RUN_NOT_FOUND
     */
    public RunRecord record(String runId) {
        return records.get(runId);
    }

    /** Returns the run of a submission. */
    public Optional<RunRecord> byRequest(String requestId) {
        return records.byRequest(requestId);
    }

    /** Returns all runs, in no order. */
    public List<RunRecord> records() {
        return records.all();
    }

    /** Returns all runs, newest first. */
    public List<Run> list() {
        return records.newestFirst();
    }

    /**
     * Checks a plan and its data.
     *
     * @throws MeshException INVALID_PLAN with every problem, DATASET_UNREADABLE,
     *     OBJECTS_UNAVAILABLE
     */
    public CompletePlan validate(String yaml, List<String> overrides, Path base) {
        CompletePlan plan = PlanReader.read(yaml, overrides);
        try (Datasets.Open data = shared.datasets().open(plan, base)) {
            List<PlanProblem> problems = PlanAgainstWorld.check(plan, data.images());
            if (!problems.isEmpty()) {
                throw PlanProblem.exception(problems);
            }
        } catch (DatasetException e) {
            throw Datasets.unreadable(e);
        }
        return plan;
    }

    /**
     * Tells the runs of a study, each checked against its data.
     *
     * @throws MeshException INVALID_PLAN with every problem, DATASET_UNREADABLE,
     *     OBJECTS_UNAVAILABLE
     */
    ExpandStudyResponse expand(String yaml, List<String> overrides, Path base) {
        return StudyExpansion.of(yaml, overrides, base, shared.datasets());
    }

    /**
     * Queues a run, or gives back the one of the same request; a failed one goes on then. One that
     * has not ended well goes on with the data and the teacher that its plan means at {@code base},
     * if they have been moved there.
     *
     * @throws MeshException INVALID_PLAN, DATASET_UNREADABLE, OBJECTS_UNAVAILABLE, STORE_FULL
     */
    public RunRecord submit(String requestId, String yaml, List<String> overrides, Path base) {
        return keep(requestId, yaml, overrides, base, validate(yaml, overrides, base));
    }

    /** One at a time, so that a request makes one run, and turns come in the order of the runs. */
    private synchronized RunRecord keep(
            String requestId, String yaml, List<String> overrides, Path base, CompletePlan plan) {
        Optional<RunRecord> known = records.byRequest(requestId);
        if (known.isPresent()) {
            requireSame(known.get().folder().plan(), plan);
            loop.executeAndWait(() -> goOn(known.get(), base));
            return known.get();
        }
        RunRecord record = records.create(requestId, yaml, overrides, base, plan);
        loop.execute(() -> turns.add(record));
        return record;
    }

    private void goOn(RunRecord record, Path base) {
        RunFolder folder = record.folder();
        CompletePlan plan = folder.plan();
        RunState state = record.snapshot().getState();
        boolean unfinished = !record.ended() || state == RunState.RUN_STATE_FAILED;
        if (unfinished && !plan.resolved(base).equals(plan.resolved(folder.baseDirectory()))) {
            records.move(record, base);
            turns.restart(record);
        }
        turns.resume(record);
    }

    private static void requireSame(CompletePlan known, CompletePlan plan) {
        if (!known.sha256().equals(plan.sha256())) {
            throw new MeshException(
                    ErrorReason.INVALID_PLAN,
                    "request was made with another plan: found="
                            + plan.sha256()
                            + ", expected="
                            + known.sha256());
        }
    }

    /** Stops a run. */
    public void cancel(RunRecord record) {
        loop.execute(() -> turns.cancel(record));
    }

    /**
     * Gives up a run's turn, as if the coordinator had been stopped: what it has reached stays, and
     * {@link #unpark} or the next start of the coordinator goes on from there.
     */
    public void park(RunRecord record) {
        loop.execute(() -> turns.park(record));
    }

    /** Queues a run that was parked; does nothing to one that was not or has ended. */
    public void unpark(RunRecord record) {
        loop.execute(() -> turns.unpark(record));
    }

    /** Returns whether a run is executed or waits for its turn. */
    public boolean executing(RunRecord record) {
        AtomicBoolean executing = new AtomicBoolean();
        loop.executeAndWait(() -> executing.set(turns.has(record)));
        return executing.get();
    }

    /**
     * Returns who is there and who feeds whom.
     *
     * @throws MeshException DRAINING when the coordinator stops
     */
    public MeshState mesh() {
        CompletableFuture<MeshState> mesh = new CompletableFuture<>();
        loop.executeAndWait(
                () ->
                        mesh.complete(
                                new MeshState(
                                        turns.inProgress().stream()
                                                .map(ActiveRun::work)
                                                .flatMap(Optional::stream)
                                                .toList(),
                                        turns.workers().teachers(),
                                        turns.workers().students())));
        return mesh.join();
    }

    /** Returns how fast those are that have a part in a run now; on the loop. */
    RunWorkers workers(RunRecord record) {
        return turns.inProgress(record)
                .map(ActiveRun::workers)
                .orElseGet(RunWorkers::getDefaultInstance);
    }

    /** Closes the journals; runs go on when a coordinator opens the store again. */
    @Override
    public void close() {
        turns.close();
        records.close();
    }
}
