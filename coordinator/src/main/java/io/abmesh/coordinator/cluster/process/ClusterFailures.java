package io.abmesh.coordinator.cluster.process;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.util.Map;

/** Names of what an API server answers in place of what it was asked for. */
final class ClusterFailures {
    private static final int TOO_MANY_REQUESTS = 429;
    private static final int SERVER_ERROR = 500;

    private ClusterFailures() {}

    /**
     * Returns CLUSTER_REFUSED, or CLUSTER_UNAVAILABLE if the server is away, fails or has too much
     * to do.
     *
     * @param subject of the request, {@code kind=name}
     */
    static MeshException of(
            String subject, Map<String, String> metadata, KubernetesClientException cause) {
        int code = cause.getCode();
        boolean refused = code > 0 && code < SERVER_ERROR && code != TOO_MANY_REQUESTS;
        return new MeshException(
                refused ? ErrorReason.CLUSTER_REFUSED : ErrorReason.CLUSTER_UNAVAILABLE,
                (refused ? "the API server refuses: " : "the API server cannot be asked: ")
                        + subject
                        + ", cause="
                        + cause.getMessage(),
                metadata,
                cause);
    }
}
