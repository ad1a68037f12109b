package io.abmesh.coordinator.cluster.process;

import io.abmesh.coordinator.cluster.desired.Surroundings;
import io.abmesh.coordinator.cluster.mesh.CoordinatorRuns;
import io.abmesh.coordinator.cluster.operator.Operator;
import io.abmesh.coordinator.run.BlockingCalls;
import io.abmesh.coordinator.run.Runs;
import io.abmesh.objects.ObjectStore;
import io.abmesh.proto.trace.StepTracing;
import io.grpc.BindableService;
import java.net.URI;
import java.time.Clock;

/** The operator and the service of a coordinator on a cluster. */
public final class ClusterProcess implements AutoCloseable {
    private static final int HTTP_PORT = 80;
    private static final int HTTPS_PORT = 443;

    private final Operator operator;
    private final BlockingCalls questions;
    private final ClusterGrpcService service;

    private ClusterProcess(Operator operator, BlockingCalls questions, ClusterGrpcService service) {
        this.operator = operator;
        this.questions = questions;
        this.service = service;
    }

    /**
     * Makes the parts; asks nothing of the API server yet.
     *
     * @param connection borrowed
     * @param runs borrowed
     * @param checks answers what reads data sets; borrowed
     * @param maxParallelRuns how many of them are executed at a time
     */
    public static ClusterProcess open(
            ClusterConnection connection,
            Runs runs,
            BlockingCalls checks,
            int maxParallelRuns,
            Clock clock) {
        ClusterConfig config = connection.config();
        Surroundings.Objects objects =
                new Surroundings.Objects(
                        config.objectsSecret(),
                        ObjectStore.environmentEndpoint()
                                .map(ClusterProcess::port)
                                .orElse(HTTPS_PORT));
        CoordinatorRuns mesh = new CoordinatorRuns(runs, config.dataDirectory());
        Operator operator =
                new Operator(
                        connection.client(),
                        connection.cluster(),
                        mesh,
                        connection.certificates(),
                        level ->
                                new Surroundings(
                                        connection.namespace(),
                                        config.coordinatorAddress(),
                                        connection.images(),
                                        config.dataClaim(),
                                        objects,
                                        StepTracing.endpoint(System.getenv())
                                                .map(ClusterProcess::collector),
                                        config.priorityClass(),
                                        level),
                        new Operator.Settings(
                                connection.namespace(),
                                connection.identity(),
                                config.storeClaim(),
                                maxParallelRuns,
                                config.period(),
                                config.lease()),
                        clock);
        BlockingCalls questions = new BlockingCalls("cluster");
        return new ClusterProcess(
                operator,
                questions,
                new ClusterGrpcService(
                        connection.cluster(),
                        runs,
                        mesh,
                        checks,
                        questions,
                        config.dataDirectory()));
    }

    private static Surroundings.Collector collector(String endpoint) {
        return new Surroundings.Collector(endpoint, port(URI.create(endpoint)));
    }

    private static int port(URI endpoint) {
        if (endpoint.getPort() > 0) {
            return endpoint.getPort();
        }
        return "http".equals(endpoint.getScheme()) ? HTTP_PORT : HTTPS_PORT;
    }

    /** Returns the service for people. */
    public BindableService service() {
        return service;
    }

    /** Begins to watch and to act. */
    public void start() {
        operator.start();
    }

    /** Stops to act; runs go on. */
    @Override
    public void close() {
        operator.close();
        questions.close();
    }
}
