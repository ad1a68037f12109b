package io.abmesh.coordinator.cluster.process;

import io.abmesh.coordinator.cluster.desired.Surroundings;
import io.abmesh.coordinator.cluster.mesh.CoordinatorRuns;
import io.abmesh.coordinator.cluster.operator.ClusterClient;
import io.abmesh.coordinator.cluster.operator.Operator;
import io.abmesh.coordinator.run.Runs;
import io.abmesh.objects.ObjectStore;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.grpc.BindableService;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** The operator and the service of a coordinator on a cluster. */
public final class ClusterProcess implements AutoCloseable {
    private static final int HTTP_PORT = 80;
    private static final int HTTPS_PORT = 443;

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
     * @throws MeshException INVALID_REQUEST for a configuration that lacks something, with all of
     *     it
     */
    public static ClusterProcess open(ClusterConfig config, Runs runs, Clock clock) {
        Surroundings.Images images = images(config.images());
        int timeoutMillis = (int) config.requestTimeout().toMillis();
        Config kubernetes =
                new ConfigBuilder(Config.autoConfigure(null))
                        .withRequestTimeout(timeoutMillis)
                        .withConnectionTimeout(timeoutMillis)
                        // who asks tries again: the operator at its next look, people themselves
                        .withRequestRetryBackoffLimit(0)
                        .build();
        KubernetesClient client = new KubernetesClientBuilder().withConfig(kubernetes).build();
        String namespace = config.namespace().orElse(client.getNamespace());
        String identity = config.identity().orElseGet(ClusterProcess::hostName);
        Surroundings.Objects objects =
                new Surroundings.Objects(
                        config.objectsSecret(),
                        ObjectStore.environmentEndpoint()
                                .map(ClusterProcess::port)
                                .orElse(HTTPS_PORT));
        CoordinatorRuns mesh = new CoordinatorRuns(runs, config.dataDirectory());
        Operator operator =
                new Operator(
                        client,
                        mesh,
                        level ->
                                new Surroundings(
                                        namespace,
                                        config.coordinatorAddress(),
                                        images,
                                        config.dataClaim(),
                                        objects,
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

    private static Surroundings.Images images(ClusterConfig.Images config) {
        Map<String, Optional<String>> wanted = new TreeMap<>();
        wanted.put("student", config.student());
        wanted.put("student-cuda", config.studentCuda());
        wanted.put("teacher", config.teacher());
        wanted.put("teacher-cuda", config.teacherCuda());
        List<String> missing =
                wanted.entrySet().stream()
                        .filter(image -> image.getValue().isEmpty())
                        .map(image -> "abmesh.cluster.images." + image.getKey())
                        .toList();
        if (!missing.isEmpty()) {
            throw new MeshException(
                    ErrorReason.INVALID_REQUEST,
                    "a coordinator on a cluster needs images of workers: missing=" + missing);
        }
        return new Surroundings.Images(
                config.student().orElseThrow(),
                config.teacher().orElseThrow(),
                config.studentCuda().orElseThrow(),
                config.teacherCuda().orElseThrow());
    }

    private static int port(URI endpoint) {
        if (endpoint.getPort() > 0) {
            return endpoint.getPort();
        }
        return "http".equals(endpoint.getScheme()) ? HTTP_PORT : HTTPS_PORT;
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
