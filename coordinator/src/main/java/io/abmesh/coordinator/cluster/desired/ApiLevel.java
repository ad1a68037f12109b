package io.abmesh.coordinator.cluster.desired;

/**
 * What the API server knows, by its version.
 *
 * @param policyV1 PodDisruptionBudget in {@code policy/v1}, from 1.21 on; before, in {@code
 *     policy/v1beta1}
 */
public record ApiLevel(boolean policyV1) {
    private static final int POLICY_V1 = 21;

    /** Returns what a server of version {@code 1.minor} knows. */
    public static ApiLevel of(int minor) {
        return new ApiLevel(minor >= POLICY_V1);
    }
}
