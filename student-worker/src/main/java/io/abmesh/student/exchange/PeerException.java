package io.abmesh.student.exchange;

import io.abmesh.proto.error.MeshException;

/**
 * What this student cannot do in the epoch since another does not do its part. The next epoch
 * decides without that one.
 */
public final class PeerException extends RuntimeException {
    private final transient MeshException failure;

    /** Names the reason. */
    public PeerException(MeshException failure) {
        super(failure.getMessage(), failure);
        this.failure = failure;
    }

    /** Returns the reason; CANCELLED if the epoch is over already. */
    public MeshException failure() {
        return failure;
    }
}
