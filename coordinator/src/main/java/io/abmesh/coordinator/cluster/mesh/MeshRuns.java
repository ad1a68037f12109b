package io.abmesh.coordinator.cluster.mesh;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Set;

/**
 * The coordinator's runs, by the identity of the resource that they come from. Every method may
 * block for as long as a data set takes to open, and one of an object store to be fetched.
 */
public interface MeshRuns {
    /** Returns every problem of a plan and of its data, one line each; empty for a good one. */
    List<String> planProblems(JsonNode plan);

    /**
     * Queues a run; does nothing if it was queued before.
     *
     * @throws io.abmesh.proto.error.MeshException STORE_FULL, or INVALID_PLAN if the plan is not
     *     the one it was queued with
     */
    void begin(String uid, JsonNode plan);

    /** Gives up a run's turn and keeps what it has reached; does nothing if it has none. */
    void park(String uid);

    /** Queues a run again that was parked; does nothing to another. */
    void unpark(String uid);

    /** Ends a run; what it has reached stays. Does nothing to one that has ended or never began. */
    void cancel(String uid);

    /** Returns the runs that have the coordinator's turn or wait for it there. */
    Set<String> executing();

    /** Returns whether the result of a run that has ended goes into an object store too. */
    boolean delivers(String uid);

    /** Returns where a run stands. */
    MeshProgress progress(String uid);
}
