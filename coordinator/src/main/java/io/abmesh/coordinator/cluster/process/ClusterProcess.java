package io.abmesh.coordinator.cluster.process;

import io.abmesh.coordinator.cluster.desired.Surroundings;
import io.abmesh.coordinator.cluster.mesh.CoordinatorRuns;
import io.abmesh.coordinator.cluster.operator.Operator;
import io.abmesh.coordinator.run.Runs;
import io.grpc.BindableService;
import java.time.Clock;

/** The operator and the service of a coordinator on a cluster. */
public final class ClusterProcess implements AutoCloseable {
    private final Operator operator;
    private final ClusterGrpcService service;

    private ClusterProcess(Operator operator, ClusterGrpcService service) {
        this.operator = operator;
        this.service = service;
    }

    /**
     * Makes the parts; asks nothing of the API server yet.
     *
     * @param connection borrowed
     * @param runs borrowed
     */
    public static ClusterProcess open(ClusterConnection connection, Runs runs, Clock clock) {
        ClusterConfig config = connection.config();
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
                                        config.priorityClass(),
                                        level),
                        new Operator.Settings(
                                connection.namespace(),
                                connection.identity(),
                                config.storeClaim(),
                                config.period(),
                                config.lease()),
                        clock);
        return new ClusterProcess(
                operator,
                new ClusterGrpcService(connection.cluster(), runs, mesh, config.dataDirectory()));
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
    }
}
