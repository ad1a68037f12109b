package io.abmesh.coordinator.cluster.resource;

import com.fasterxml.jackson.annotation.JsonProperty;

/** Where a run on a cluster stands, in one word; the conditions say why. */
public enum RunPhase {
    /** Waits for its turn, or for a good spec. */
    @JsonProperty("Pending")
    PENDING(false),
    /** Its workers start. */
    @JsonProperty("Starting")
    STARTING(false),
    /** Trains. */
    @JsonProperty("Running")
    RUNNING(false),
    /** Stands still because its spec says so. */
    @JsonProperty("Suspended")
    SUSPENDED(false),
    /** Done; the result is there. */
    @JsonProperty("Succeeded")
    SUCCEEDED(true),
    /** Ended by a named error. */
    @JsonProperty("Failed")
    FAILED(true),
    /** Ended because someone said so. */
    @JsonProperty("Cancelled")
    CANCELLED(true);

    private final boolean terminal;

    RunPhase(boolean terminal) {
        this.terminal = terminal;
    }

    /** Returns whether no other phase follows. */
    public boolean terminal() {
        return terminal;
    }
}
