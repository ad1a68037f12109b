package io.abmesh.cli.run;

import io.abmesh.cli.plan.PlanText;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.identity.MeshRole;
import io.abmesh.proto.transport.MeshChannels;
import io.abmesh.proto.transport.MeshSecurity;
import io.abmesh.proto.v1.ExpandStudyRequest;
import io.abmesh.proto.v1.ExpandStudyResponse;
import io.abmesh.proto.v1.FetchArtifactRequest;
import io.abmesh.proto.v1.FetchArtifactResponse;
import io.abmesh.proto.v1.RunServiceGrpc;
import io.abmesh.proto.v1.SubmitRunRequest;
import io.abmesh.proto.v1.SubmitRunResponse;
import io.abmesh.proto.v1.ValidatePlanRequest;
import io.abmesh.proto.v1.ValidatePlanResponse;
import io.abmesh.proto.v1.WatchRunRequest;
import io.abmesh.proto.v1.WatchRunResponse;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.Iterator;
import java.util.concurrent.TimeUnit;

/**
 * Client of the coordinator's RunService. Every failure is a {@link MeshException}. Thread-safe.
 */
public final class RunClient implements AutoCloseable {

    /** A coordinator may have to fetch the plan's images first. */
    private static final Duration DATA_DEADLINE = Duration.ofHours(1);

    /** A file of a run may be as long as 1 GiB. */
    private static final Duration ARTIFACT_DEADLINE = Duration.ofMinutes(10);

    private static final Duration WATCH_DEADLINE = Duration.ofHours(1);

    private final MeshSecurity security;
    private final ManagedChannel channel;
    private final RunServiceGrpc.RunServiceBlockingStub stub;

    /**
     * Opens a channel; connects at the first call.
     *
     * @param security of this process; taken
     */
    public RunClient(String address, MeshSecurity security) {
        this.security = security;
        channel = MeshChannels.open("coordinator", address, security, MeshRole.COORDINATOR);
        stub = RunServiceGrpc.newBlockingStub(channel).withWaitForReady();
    }

    ValidatePlanResponse validate(PlanText plan) {
        ValidatePlanRequest request =
                ValidatePlanRequest.newBuilder()
                        .setPlanYaml(plan.yaml())
                        .setBaseDirectory(plan.baseDirectory().toString())
                        .addAllOverrides(plan.overrides())
                        .build();
        try {
            return within(DATA_DEADLINE).validatePlan(request);
        } catch (StatusRuntimeException e) {
            throw ErrorStatuses.fromThrowable(e);
        }
    }

    ExpandStudyResponse expand(PlanText study) {
        ExpandStudyRequest request =
                ExpandStudyRequest.newBuilder()
                        .setStudyYaml(study.yaml())
                        .setBaseDirectory(study.baseDirectory().toString())
                        .addAllOverrides(study.overrides())
                        .build();
        try {
            return within(DATA_DEADLINE).expandStudy(request);
        } catch (StatusRuntimeException e) {
            throw ErrorStatuses.fromThrowable(e);
        }
    }

    SubmitRunResponse submit(String requestId, PlanText plan) {
        SubmitRunRequest request =
                SubmitRunRequest.newBuilder()
                        .setRequestId(requestId)
                        .setPlanYaml(plan.yaml())
                        .setBaseDirectory(plan.baseDirectory().toString())
                        .addAllOverrides(plan.overrides())
                        .build();
        try {
            return within(DATA_DEADLINE).submitRun(request);
        } catch (StatusRuntimeException e) {
            throw ErrorStatuses.fromThrowable(e);
        }
    }

    /**
     * Follows a run; the iterator throws {@link StatusRuntimeException} and reads no further ahead
     * than one message.
     */
    public Iterator<WatchRunResponse> watch(String runId, long afterEvent) {
        return within(WATCH_DEADLINE)
                .watchRun(
                        WatchRunRequest.newBuilder()
                                .setRunId(runId)
                                .setAfterEvent(afterEvent)
                                .build());
    }

    /**
     * Copies a file of the run to {@code target}, which appears whole or not at all. A coordinator
     * that cannot be reached is not waited for.
     *
     * @throws MeshException if the coordinator does not give it
     * @throws IOException if it cannot be written
     */
    public void fetch(String runId, String name, Path target) throws IOException {
        Path temporary = target.resolveSibling(target.getFileName() + ".tmp");
        try {
            receive(runId, name, temporary);
            Files.move(
                    temporary,
                    target,
                    StandardCopyOption.ATOMIC_MOVE,
                    StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(temporary);
        }
    }

    private void receive(String runId, String name, Path file) throws IOException {
        try (OutputStream out = Files.newOutputStream(file)) {
            Iterator<FetchArtifactResponse> chunks =
                    RunServiceGrpc.newBlockingStub(channel)
                            .withDeadlineAfter(ARTIFACT_DEADLINE.toMillis(), TimeUnit.MILLISECONDS)
                            .fetchArtifact(
                                    FetchArtifactRequest.newBuilder()
                                            .setRunId(runId)
                                            .setName(name)
                                            .build());
            while (chunks.hasNext()) {
                chunks.next().getChunk().writeTo(out);
            }
        } catch (StatusRuntimeException e) {
            throw ErrorStatuses.fromThrowable(e);
        }
    }

    @Override
    public void close() {
        MeshChannels.close(channel, Duration.ofSeconds(2));
        security.close();
    }

    private RunServiceGrpc.RunServiceBlockingStub within(Duration deadline) {
        return stub.withDeadlineAfter(deadline.toMillis(), TimeUnit.MILLISECONDS);
    }
}
