package io.abmesh.coordinator.cluster.process;

import io.abmesh.coordinator.cluster.desired.Surroundings;
import io.abmesh.coordinator.cluster.mesh.CoordinatorRuns;
import io.abmesh.coordinator.cluster.operator.ClusterClient;
import io.abmesh.coordinator.cluster.operator.Operator;
import io.abmesh.coordinator.run.Runs;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.grpc.BindableService;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Clock;

/** The operator and the service of a coordinator on a cluster. */
public final class ClusterProcess implements AutoCloseable {
    private final KubernetesClient client;
    private final Operator operator;
    private final ClusterGrpcService service;

    private ClusterProcess(KubernetesClient client, Operator operator, ClusterGrpcService service) {
        this.client = client;
        this.operator = operator;
        this.service = service;
    }

    /**
     * Makes the parts; asks nothing of the API server yet.
     *
     * @param runs borrowed
     */
    public static ClusterProcess open(ClusterConfig config, Runs runs, Clock clock) {
        int timeoutMillis = (int) config.requestTimeout().toMillis();
        Config kubernetes =
                new ConfigBuilder(Config.autoConfigure(null))
                        .withRequestTimeout(timeoutMillis)
                        .withConnectionTimeout(timeoutMillis)
                        .build();
        KubernetesClient client = new KubernetesClientBuilder().withConfig(kubernetes).build();
        String namespace = config.namespace().orElse(client.getNamespace());
        String identity = config.identity().orElseGet(ClusterProcess::hostName);
        CoordinatorRuns mesh = new CoordinatorRuns(runs, config.dataDirectory());
        Operator operator =
                new Operator(
                        client,
                        mesh,
                        level ->
                                new Surroundings(
                                        namespace,
                                        config.coordinatorAddress(),
                                        new Surroundings.Images(
                                                config.images().student(),
                                                config.images().teacher(),
                                                config.images().studentCuda(),
                                                config.images().teacherCuda()),
                                        config.dataClaim(),
                                        config.priorityClass(),
                                        level),
                        new Operator.Settings(
                                namespace,
                                identity,
                                config.storeClaim(),
                                config.period(),
                                config.lease()),
                        clock);
        return new ClusterProcess(
                client,
                operator,
                new ClusterGrpcService(
                        new ClusterClient(client, namespace, clock, identity),
                        runs,
                        mesh,
                        config.dataDirectory()));
    }

    private static String hostName() {
        try {
            return InetAddress.getLocalHost().getHostName();
        } catch (UnknownHostException e) {
            return "coordinator-" + ProcessHandle.current().pid();
        }
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
        client.close();
    }
}
