package io.abmesh.coordinator.cluster.process;

import io.abmesh.coordinator.cluster.desired.Surroundings;
import io.abmesh.coordinator.cluster.operator.ClusterClient;
import io.abmesh.coordinator.cluster.operator.MeshCertificates;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.transport.MeshSecurity;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;

/**
 * A coordinator's place on a cluster: the API server that it asks, and the certificates of its
 * mesh.
 */
public final class ClusterConnection implements AutoCloseable {
    private static final Duration MIN_LIFE = Duration.ofHours(1);
    private static final Duration MIN_PERIOD = Duration.ofMillis(100);
    private static final Duration MIN_WAIT = Duration.ofSeconds(1);
    private static final Duration MAX_WAIT = Duration.ofHours(1);

    private final ClusterConfig config;
    private final KubernetesClient client;
    private final String namespace;
    private final String identity;
    private final ClusterClient cluster;
    private final MeshCertificates certificates;

    private ClusterConnection(
            ClusterConfig config,
            KubernetesClient client,
            String namespace,
            String identity,
            ClusterClient cluster,
            MeshCertificates certificates) {
        this.config = config;
        this.client = client;
        this.namespace = namespace;
        this.identity = identity;
        this.cluster = cluster;
        this.certificates = certificates;
    }

    /**
     * Connects, and has the coordinator's certificate issued; waits for an API server that is away.
     *
     * @throws MeshException INVALID_REQUEST for a configuration that lacks something, with all of
     *     it; CLUSTER_REFUSED, CERTIFICATE_UNUSABLE; CLUSTER_UNAVAILABLE only if the thread is
     *     interrupted
     */
    public static ClusterConnection open(ClusterConfig config, Clock clock) {
        List<String> problems = problems(config);
        if (!problems.isEmpty()) {
            throw new MeshException(ErrorReason.INVALID_REQUEST, String.join("; ", problems));
        }
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
        String identity = identity(config);
        ClusterClient cluster = new ClusterClient(client, namespace, clock, identity);
        try {
            MeshCertificates certificates =
                    new ApiServerWait(length -> Thread.sleep(length.toMillis()), clock)
                            .answer(
                                    client.getMasterUrl().toString(),
                                    () -> certificates(config, cluster, namespace, clock));
            return new ClusterConnection(
                    config, client, namespace, identity, cluster, certificates);
        } catch (MeshException e) {
            client.close();
            throw e;
        }
    }

    private static MeshCertificates certificates(
            ClusterConfig config, ClusterClient cluster, String namespace, Clock clock) {
        try {
            return new MeshCertificates(cluster, namespace, config.certificateLife(), clock);
        } catch (KubernetesClientException e) {
            throw ClusterFailures.of("secret=" + MeshCertificates.AUTHORITY, Map.of(), e);
        }
    }

    private static List<String> problems(ClusterConfig config) {
        List<String> problems = new ArrayList<>();
        Map<String, Optional<String>> images = new TreeMap<>();
        images.put("student", config.images().student());
        images.put("student-cuda", config.images().studentCuda());
        images.put("teacher", config.images().teacher());
        images.put("teacher-cuda", config.images().teacherCuda());
        List<String> missing =
                images.entrySet().stream()
                        .filter(image -> image.getValue().isEmpty())
                        .map(image -> "abmesh.cluster.images." + image.getKey())
                        .toList();
        if (!missing.isEmpty()) {
            problems.add("a coordinator on a cluster needs images of workers: missing=" + missing);
        }
        if (config.certificateLife().compareTo(MIN_LIFE) < 0) {
            problems.add(
                    "abmesh.cluster.certificate-life is too short: found="
                            + config.certificateLife()
                            + ", expected at least="
                            + MIN_LIFE);
        }
        outside("period", config.period(), MIN_PERIOD).ifPresent(problems::add);
        outside("lease", config.lease(), MIN_WAIT).ifPresent(problems::add);
        outside("request-timeout", config.requestTimeout(), MIN_WAIT).ifPresent(problems::add);
        return problems;
    }

    private static Optional<String> outside(String key, Duration found, Duration least) {
        return found.compareTo(least) < 0 || found.compareTo(MAX_WAIT) > 0
                ? Optional.of(
                        "abmesh.cluster.%s is out of range: found=%s, expected=%s to %s"
                                .formatted(key, found, least, MAX_WAIT))
                : Optional.empty();
    }

    /**
     * Returns the name of a process in the Lease. A pod that was replaced has the name of the one
     * that replaces it, and may still run on a node that is cut off: so a name is never given
     * twice.
     */
    static String identity(ClusterConfig config) {
        return config.identity().orElseGet(() -> hostName() + "_" + UUID.randomUUID());
    }

    private static String hostName() {
        try {
            return InetAddress.getLocalHost().getHostName();
        } catch (UnknownHostException e) {
            return "coordinator";
        }
    }

    /** Returns what the coordinator shows and demands; ends with this. */
    public MeshSecurity security() {
        return certificates.security();
    }

    ClusterConfig config() {
        return config;
    }

    Surroundings.Images images() {
        return new Surroundings.Images(
                config.images().student().orElseThrow(),
                config.images().teacher().orElseThrow(),
                config.images().studentCuda().orElseThrow(),
                config.images().teacherCuda().orElseThrow());
    }

    KubernetesClient client() {
        return client;
    }

    String namespace() {
        return namespace;
    }

    String identity() {
        return identity;
    }

    ClusterClient cluster() {
        return cluster;
    }

    MeshCertificates certificates() {
        return certificates;
    }

    @Override
    public void close() {
        certificates.close();
        client.close();
    }
}
