package io.abmesh.coordinator.cluster.desired;

/**
 * What the API server knows, by its version.
 *
 * @param grpcProbes probes that speak gRPC, from 1.24 on; before, readiness is asked over HTTP
 * @param policyV1 PodDisruptionBudget in {@code policy/v1}, from 1.21 on; before, in {@code
 *     policy/v1beta1}
 */
public record ApiLevel(boolean grpcProbes, boolean policyV1) {
    private static final int GRPC_PROBES = 24;
    private static final int POLICY_V1 = 21;

    /** Returns what a server of version {@code 1.minor} knows. */
    public static ApiLevel of(int minor) {
        return new ApiLevel(minor >= GRPC_PROBES, minor >= POLICY_V1);
    }
}
