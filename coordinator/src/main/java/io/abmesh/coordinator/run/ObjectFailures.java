package io.abmesh.coordinator.run;

import io.abmesh.objects.ObjectException;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import java.util.Map;

/** Names the failures of an object store as the contract does. */
final class ObjectFailures {
    private ObjectFailures() {}

    /**
     * Returns the failure of the contract.
     *
     * @param refused reason if it is neither the store's silence nor the disk's
     */
    static MeshException of(ObjectException failure, ErrorReason refused) {
        ErrorReason reason =
                failure.reason()
                        .fold(ErrorReason.OBJECTS_UNAVAILABLE, ErrorReason.STORE_FULL, refused);
        return new MeshException(reason, String.valueOf(failure.getMessage()), Map.of(), failure);
    }
}
