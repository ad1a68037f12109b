package io.abmesh.coordinator.cluster.decision;

/** What the coordinator's own store says of a run. */
public enum MeshState {
    /** It was never submitted. */
    ABSENT(false),
    /** Submitted, no step committed. */
    PENDING(false),
    /** Trains. */
    RUNNING(false),
    /** Done. */
    SUCCEEDED(true),
    /** Ended by a named error. */
    FAILED(true),
    /** Ended because someone said so. */
    CANCELLED(true);

    private final boolean terminal;

    MeshState(boolean terminal) {
        this.terminal = terminal;
    }

    /** Returns whether it has ended. */
    public boolean terminal() {
        return terminal;
    }
}
