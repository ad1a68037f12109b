package io.abmesh.coordinator.cluster.mesh;

import com.fasterxml.jackson.databind.JsonNode;
import com.google.rpc.Status;
import io.abmesh.coordinator.cluster.decision.MeshState;
import io.abmesh.coordinator.cluster.decision.TeacherRates;
import io.abmesh.coordinator.run.RunRates;
import io.abmesh.coordinator.run.RunRecord;
import io.abmesh.coordinator.run.Runs;
import io.abmesh.coordinator.store.RunStore;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.Run;
import io.abmesh.proto.v1.RunState;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

/** The runs of this process. A run's request id is the uid of its resource. */
public final class CoordinatorRuns implements MeshRuns {
    private final Runs runs;
    private final Path base;
    private final Map<String, RunDigest> digests = new ConcurrentHashMap<>();

    /**
     * Makes a view of the runs.
     *
     * @param runs borrowed
     * @param base folder that relative paths of plans are relative to
     */
    public CoordinatorRuns(Runs runs, Path base) {
        this.runs = runs;
        this.base = base;
    }

    @Override
    public List<String> planProblems(JsonNode plan) {
        try {
            runs.validate(plan.toString(), List.of(), base);
            return List.of();
        } catch (MeshException e) {
            if (e.fieldViolations().isEmpty()) {
                return List.of("spec.plan: " + e.getMessage());
            }
            return e.fieldViolations().stream()
                    .map(v -> "spec.plan." + v.field() + ": " + withoutPlace(v.description()))
                    .toList();
        }
    }

    /** Line and column are those of the JSON that the API server sends, which nobody wrote. */
    private static String withoutPlace(String description) {
        return description.replaceFirst("^\\d+:\\d+: ", "");
    }

    @Override
    public void begin(String uid, JsonNode plan) {
        if (runs.byRequest(uid).isEmpty()) {
            runs.submit(uid, plan.toString(), List.of(), base);
        }
    }

    @Override
    public void park(String uid) {
        runs.byRequest(uid).ifPresent(runs::park);
    }

    @Override
    public void unpark(String uid) {
        runs.byRequest(uid).ifPresent(runs::unpark);
    }

    @Override
    public void cancel(String uid) {
        runs.byRequest(uid).ifPresent(runs::cancel);
    }

    @Override
    public Set<String> executing() {
        return runs.list().stream()
                .map(run -> runs.record(run.getRunId()))
                .filter(record -> !record.ended() && runs.executing(record))
                .map(record -> record.folder().requestId())
                .collect(Collectors.toUnmodifiableSet());
    }

    @Override
    public boolean delivers(String uid) {
        return runs.byRequest(uid).filter(record -> record.snapshot().hasDelivery()).isPresent();
    }

    @Override
    public MeshProgress progress(String uid) {
        return runs.byRequest(uid).map(record -> progress(uid, record)).orElse(MeshProgress.ABSENT);
    }

    private MeshProgress progress(String uid, RunRecord record) {
        Run run = record.snapshot();
        RunDigest digest = digests.computeIfAbsent(uid, u -> new RunDigest());
        try {
            digest.read(record.journal());
        } catch (IOException e) {
            throw RunStore.unusable(record.folder().folder(), e);
        }
        int batch = record.folder().plan().plan().getBatch();
        long left = run.getTotalSteps() - run.getCommittedStep() - 1;
        Optional<Long> remaining =
                run.getTotalSteps() == 0 || digest.imagesPerSecond() <= 0
                        ? Optional.empty()
                        : Optional.of(Math.round(left * (double) batch / digest.imagesPerSecond()));
        return new MeshProgress(
                state(run.getState()),
                runs.executing(record),
                run.getRunId(),
                record.folder().folder().toString(),
                run.hasFailure() ? failure(run.getFailure()) : "",
                run.getCommittedStep(),
                run.getTotalSteps(),
                record.ended() ? Optional.empty() : remaining,
                digest.bestAccuracy(),
                digest.agreement(),
                copy(run),
                record.rates().measured().map(CoordinatorRuns::rates));
    }

    private static TeacherRates rates(RunRates.Measured measured) {
        return new TeacherRates(measured.demand(), measured.perTeacher());
    }

    private static Optional<ResultCopy> copy(Run run) {
        return run.hasDelivery()
                ? Optional.of(
                        new ResultCopy(
                                run.getDelivery().getLocation(),
                                run.getDelivery().getDelivered(),
                                run.getDelivery().hasFailure()
                                        ? failure(run.getDelivery().getFailure())
                                        : ""))
                : Optional.empty();
    }

    private static String failure(Status status) {
        MeshException failure = ErrorStatuses.fromStatus(status);
        ErrorReason reason = failure.reason();
        return reason + ": " + failure.getMessage();
    }

    private static MeshState state(RunState state) {
        return switch (state) {
            case RUN_STATE_PENDING -> MeshState.PENDING;
            case RUN_STATE_RUNNING -> MeshState.RUNNING;
            case RUN_STATE_SUCCEEDED -> MeshState.SUCCEEDED;
            case RUN_STATE_FAILED -> MeshState.FAILED;
            case RUN_STATE_CANCELLED -> MeshState.CANCELLED;
            case RUN_STATE_UNSPECIFIED, UNRECOGNIZED ->
                    throw new IllegalStateException("no state of a run: " + state);
        };
    }
}
