package io.abmesh.coordinator.cluster.process;

import com.google.protobuf.Duration;
import com.google.protobuf.Timestamp;
import io.abmesh.coordinator.cluster.decision.ConditionType;
import io.abmesh.coordinator.cluster.decision.MeshState;
import io.abmesh.coordinator.cluster.decision.SpecCheck;
import io.abmesh.coordinator.cluster.mesh.MeshRuns;
import io.abmesh.coordinator.cluster.operator.ClusterClient;
import io.abmesh.coordinator.cluster.resource.DistillationRun;
import io.abmesh.coordinator.cluster.resource.DistillationRunSpec;
import io.abmesh.coordinator.cluster.resource.DistillationRunStatus;
import io.abmesh.coordinator.cluster.resource.TeacherRange;
import io.abmesh.coordinator.plan.CompletePlan;
import io.abmesh.coordinator.plan.PlanDefaults;
import io.abmesh.coordinator.plan.PlanDocument;
import io.abmesh.coordinator.run.BlockingCalls;
import io.abmesh.coordinator.run.Runs;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.CancelClusterRunRequest;
import io.abmesh.proto.v1.CancelClusterRunResponse;
import io.abmesh.proto.v1.ClusterRun;
import io.abmesh.proto.v1.ClusterServiceGrpc;
import io.abmesh.proto.v1.GetClusterRunRequest;
import io.abmesh.proto.v1.GetClusterRunResponse;
import io.abmesh.proto.v1.ListClusterRunsRequest;
import io.abmesh.proto.v1.ListClusterRunsResponse;
import io.abmesh.proto.v1.SubmitClusterRunRequest;
import io.abmesh.proto.v1.SubmitClusterRunResponse;
import io.abmesh.proto.v1.SuspendClusterRunRequest;
import io.abmesh.proto.v1.SuspendClusterRunResponse;
import io.fabric8.kubernetes.api.model.Condition;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.grpc.stub.StreamObserver;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/** Runs on a cluster, for people who have no access to its API server. */
final class ClusterGrpcService extends ClusterServiceGrpc.ClusterServiceImplBase {
    private static final int CONFLICT = 409;

    private final ClusterClient cluster;
    private final Runs runs;
    private final MeshRuns mesh;
    private final BlockingCalls checks;
    private final BlockingCalls questions;
    private final Path data;

    /**
     * Makes the service.
     *
     * @param checks answers what reads data sets; borrowed
     * @param questions answers what asks the API server only; borrowed
     * @param data folder that relative paths of plans are relative to
     */
    ClusterGrpcService(
            ClusterClient cluster,
            Runs runs,
            MeshRuns mesh,
            BlockingCalls checks,
            BlockingCalls questions,
            Path data) {
        this.cluster = cluster;
        this.runs = runs;
        this.mesh = mesh;
        this.checks = checks;
        this.questions = questions;
        this.data = data;
    }

    @Override
    public void submitClusterRun(
            SubmitClusterRunRequest request, StreamObserver<SubmitClusterRunResponse> observer) {
        checks.answer(observer, () -> submit(request));
    }

    private SubmitClusterRunResponse submit(SubmitClusterRunRequest request) {
        CompletePlan plan = runs.validate(request.getPlanYaml(), request.getOverridesList(), data);
        String name =
                request.getName().isEmpty()
                        ? plan.plan().getName().toLowerCase(Locale.ROOT).replace('.', '-')
                        : request.getName();
        if (!name.matches(SpecCheck.NAME)) {
            throw new MeshException(
                    ErrorReason.INVALID_REQUEST,
                    "name: found=" + name + ", expected=" + SpecCheck.NAME_EXPECTED);
        }
        DistillationRun run = new DistillationRun();
        run.setMetadata(new ObjectMetaBuilder().withName(name).build());
        run.setSpec(spec(request, plan));
        Submitted submitted = asked(name, () -> create(run));
        return SubmitClusterRunResponse.newBuilder()
                .setRun(describe(submitted.run()))
                .addAllWarnings(plan.warnings())
                .addAllWarnings(submitted.warnings())
                .build();
    }

    private static DistillationRunSpec spec(SubmitClusterRunRequest request, CompletePlan plan) {
        DistillationRunSpec spec = DistillationRunSpec.of(PlanDocument.of(plan.plan()));
        int min =
                request.getMinTeacherCount() == 0
                        ? spec.teachers().min()
                        : request.getMinTeacherCount();
        int max =
                request.getMaxTeacherCount() == 0
                        ? Math.max(min, spec.teachers().max())
                        : request.getMaxTeacherCount();
        return spec.withStudents(
                        request.getStudentCount() == 0
                                ? spec.students()
                                : request.getStudentCount())
                .withTeachers(new TeacherRange(min, max));
    }

    /**
     * What came of a submission.
     *
     * @param warnings that the run was there before
     */
    private record Submitted(DistillationRun run, List<String> warnings) {}

    private Submitted create(DistillationRun run) {
        try {
            return new Submitted(cluster.create(run), List.of());
        } catch (KubernetesClientException e) {
            Optional<DistillationRun> known =
                    e.getCode() == CONFLICT
                            ? cluster.run(run.getMetadata().getName())
                            : Optional.empty();
            return known.filter(k -> k.getSpec().samePlan(run.getSpec()))
                    .map(ClusterGrpcService::again)
                    .orElseThrow(() -> e);
        }
    }

    private static Submitted again(DistillationRun known) {
        String name = known.getMetadata().getName();
        if (known.isMarkedForDeletion()) {
            throw new MeshException(
                    ErrorReason.CLUSTER_REFUSED,
                    "run is being deleted: found=%s, expected=another name, or this when it is gone"
                            .formatted(name),
                    Map.of("name", name));
        }
        DistillationRunSpec spec = known.getSpec();
        return new Submitted(
                known,
                List.of(
                        ("run %s is there already, nothing is begun or changed: phase=%s,"
                                        + " students=%d, teachers=%d to %d")
                                .formatted(
                                        name,
                                        describe(known).getPhase(),
                                        spec.students(),
                                        spec.teachers().min(),
                                        spec.teachers().max())));
    }

    @Override
    public void listClusterRuns(
            ListClusterRunsRequest request, StreamObserver<ListClusterRunsResponse> observer) {
        questions.answer(observer, this::list);
    }

    private ListClusterRunsResponse list() {
        List<ClusterRun> all =
                asked("", cluster::runs).stream()
                        .sorted(
                                Comparator.comparing(
                                        run -> run.getMetadata().getCreationTimestamp()))
                        .map(ClusterGrpcService::describe)
                        .toList();
        return ListClusterRunsResponse.newBuilder().addAllRuns(all).build();
    }

    @Override
    public void getClusterRun(
            GetClusterRunRequest request, StreamObserver<GetClusterRunResponse> observer) {
        questions.answer(
                observer,
                () ->
                        GetClusterRunResponse.newBuilder()
                                .setRun(describe(run(request.getName())))
                                .build());
    }

    @Override
    public void suspendClusterRun(
            SuspendClusterRunRequest request, StreamObserver<SuspendClusterRunResponse> observer) {
        questions.answer(observer, () -> suspend(request));
    }

    private SuspendClusterRunResponse suspend(SuspendClusterRunRequest request) {
        DistillationRun run = run(request.getName());
        boolean suspended = run.getSpec() != null && run.getSpec().suspend();
        if (suspended != request.getSuspend()) {
            asked(
                    request.getName(),
                    () -> {
                        cluster.suspend(request.getName(), request.getSuspend());
                        return run;
                    });
        }
        return SuspendClusterRunResponse.getDefaultInstance();
    }

    @Override
    public void cancelClusterRun(
            CancelClusterRunRequest request, StreamObserver<CancelClusterRunResponse> observer) {
        questions.answer(observer, () -> cancel(request));
    }

    private CancelClusterRunResponse cancel(CancelClusterRunRequest request) {
        DistillationRun run = run(request.getName());
        String uid = run.getMetadata().getUid();
        if (mesh.progress(uid).state() == MeshState.ABSENT) {
            asked(
                    request.getName(),
                    () -> {
                        cluster.delete(request.getName());
                        return run;
                    });
        } else {
            mesh.cancel(uid);
        }
        return CancelClusterRunResponse.getDefaultInstance();
    }

    private DistillationRun run(String name) {
        return asked(name, () -> cluster.run(name))
                .orElseThrow(
                        () ->
                                new MeshException(
                                        ErrorReason.RUN_NOT_FOUND,
                                        "no such run on the cluster: found=" + name,
                                        Map.of("name", name)));
    }

    /** Asks the API server; what it refuses, and that it is away, has a name. */
    private static <T> T asked(String name, Supplier<T> question) {
        try {
            return question.get();
        } catch (KubernetesClientException e) {
            throw ClusterFailures.of("run=" + name, Map.of("name", name), e);
        }
    }

    private static ClusterRun describe(DistillationRun run) {
        Instant created = Instant.parse(run.getMetadata().getCreationTimestamp());
        ClusterRun.Builder description =
                ClusterRun.newBuilder()
                        .setName(run.getMetadata().getName())
                        .setPhase("Pending")
                        .setStepSampleCount(batch(run))
                        .setCreateTime(Timestamp.newBuilder().setSeconds(created.getEpochSecond()));
        DistillationRunStatus status = run.getStatus();
        if (status == null) {
            return description.build();
        }
        String phase = status.phase().name();
        description
                .setPhase(phase.charAt(0) + phase.substring(1).toLowerCase(Locale.ROOT))
                .setMessage(message(status))
                .setProgressPercent(status.progressPercent())
                .setStudentCount(status.workers().studentsReady())
                .setTeacherCount(status.workers().teachersReady());
        if (status.remainingSeconds() != null) {
            description.setRemainingDuration(
                    Duration.newBuilder().setSeconds(status.remainingSeconds()));
        }
        if (status.bestAccuracy() != null) {
            description.setBestAccuracy(status.bestAccuracy());
        }
        if (status.agreement() != null) {
            description.setAgreement(status.agreement());
        }
        if (status.result() != null) {
            description.setRunId(status.result().runId());
            if (status.result().objects() != null) {
                description.setResultLocation(status.result().objects());
            }
            if (status.result().objectsFailure() != null) {
                description.setResultFailure(status.result().objectsFailure());
            }
        }
        return description.build();
    }

    /**
     * A run of before the definition asked for a spec may have none, and is listed all the same.
     */
    private static int batch(DistillationRun run) {
        return run.getSpec() == null
                ? PlanDefaults.BATCH
                : run.getSpec().plan().path("batch").asInt(PlanDefaults.BATCH);
    }

    /** The first condition that says what keeps the run, or how it ended. */
    private static String message(DistillationRunStatus status) {
        List<ConditionType> order =
                status.phase().terminal()
                        ? List.of(ConditionType.COMPLETE)
                        : List.of(
                                ConditionType.SPEC_VALID,
                                ConditionType.ADMITTED,
                                ConditionType.WORKERS_READY,
                                ConditionType.TRAINING);
        for (ConditionType type : order) {
            for (Condition condition : status.conditions()) {
                boolean tells = status.phase().terminal() || condition.getStatus().equals("False");
                if (condition.getType().equals(type.word()) && tells) {
                    return condition.getMessage();
                }
            }
        }
        return "";
    }
}
