package io.abmesh.cli.cluster;

import io.abmesh.cli.plan.PlanText;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.identity.MeshRole;
import io.abmesh.proto.transport.MeshChannels;
import io.abmesh.proto.transport.MeshSecurity;
import io.abmesh.proto.v1.CancelClusterRunRequest;
import io.abmesh.proto.v1.ClusterRun;
import io.abmesh.proto.v1.ClusterServiceGrpc;
import io.abmesh.proto.v1.GetClusterRunRequest;
import io.abmesh.proto.v1.ListClusterRunsRequest;
import io.abmesh.proto.v1.SubmitClusterRunRequest;
import io.abmesh.proto.v1.SubmitClusterRunResponse;
import io.abmesh.proto.v1.SuspendClusterRunRequest;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * Client of the coordinator's ClusterService. Every failure is a {@link
 * io.abmesh.proto.error.MeshException}. Thread-safe.
 */
public final class ClusterClient implements AutoCloseable {
    private static final Duration CALL_DEADLINE = Duration.ofSeconds(30);

    /** The coordinator may have to fetch the plan's images first. */
    private static final Duration DATA_DEADLINE = Duration.ofHours(1);

    private final MeshSecurity security;
    private final ManagedChannel channel;
    private final ClusterServiceGrpc.ClusterServiceBlockingStub stub;

    /**
     * Opens a channel; connects at the first call.
     *
     * @param security of this process; taken
     */
    public ClusterClient(String address, MeshSecurity security) {
        this.security = security;
        channel = MeshChannels.open("cluster", address, security, MeshRole.COORDINATOR);
        stub = ClusterServiceGrpc.newBlockingStub(channel);
    }

    /**
     * What a run on the cluster gets; 0 stands for the cluster's default.
     *
     * @param students student-workers
     * @param minTeachers fewest teacher-workers
     * @param maxTeachers most teacher-workers
     */
    public record Workers(int students, int minTeachers, int maxTeachers) {}

    /** Makes a run; an empty name stands for the plan's. */
    public SubmitClusterRunResponse submit(String name, PlanText plan, Workers workers) {
        return named(
                () ->
                        within(DATA_DEADLINE)
                                .submitClusterRun(
                                        SubmitClusterRunRequest.newBuilder()
                                                .setName(name)
                                                .setPlanYaml(plan.yaml())
                                                .addAllOverrides(plan.overrides())
                                                .setStudentCount(workers.students())
                                                .setMinTeacherCount(workers.minTeachers())
                                                .setMaxTeacherCount(workers.maxTeachers())
                                                .build()));
    }

    /** Returns all runs, oldest first. */
    public List<ClusterRun> list() {
        return named(
                () ->
                        within(CALL_DEADLINE)
                                .listClusterRuns(ListClusterRunsRequest.getDefaultInstance())
                                .getRunsList());
    }

    /** Returns a run. */
    public ClusterRun get(String name) {
        return named(
                () ->
                        within(CALL_DEADLINE)
                                .getClusterRun(
                                        GetClusterRunRequest.newBuilder().setName(name).build())
                                .getRun());
    }

    /** Has a run stand still, or go on. */
    public void suspend(String name, boolean suspend) {
        named(
                () ->
                        within(CALL_DEADLINE)
                                .suspendClusterRun(
                                        SuspendClusterRunRequest.newBuilder()
                                                .setName(name)
                                                .setSuspend(suspend)
                                                .build()));
    }

    /** Ends a run. */
    public void cancel(String name) {
        named(
                () ->
                        within(CALL_DEADLINE)
                                .cancelClusterRun(
                                        CancelClusterRunRequest.newBuilder()
                                                .setName(name)
                                                .build()));
    }

    private ClusterServiceGrpc.ClusterServiceBlockingStub within(Duration deadline) {
        return stub.withDeadlineAfter(deadline.toMillis(), TimeUnit.MILLISECONDS);
    }

    private static <T> T named(Supplier<T> call) {
        try {
            return call.get();
        } catch (StatusRuntimeException e) {
            throw ErrorStatuses.fromThrowable(e);
        }
    }

    @Override
    public void close() {
        MeshChannels.close(channel, Duration.ofSeconds(2));
        security.close();
    }
}
