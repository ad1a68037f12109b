package io.abmesh.coordinator.worker;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import java.util.Map;
import java.util.Optional;

/** Which run a worker is for, by what it says and by what its certificate says. */
final class NamedRun {
    private NamedRun() {}

    /**
     * Returns the request of the run that a worker is for; empty: it is for any.
     *
     * @param said by the worker; empty: nothing
     * @param certified by its certificate; empty without one
     * @throws MeshException ROLE_NOT_ALLOWED if the two differ
     */
    static Optional<String> of(String said, Optional<String> certified) {
        if (certified.isPresent() && !said.isEmpty() && !said.equals(certified.get())) {
            throw new MeshException(
                    ErrorReason.ROLE_NOT_ALLOWED,
                    "worker is for another run than its certificate: found="
                            + said
                            + ", expected="
                            + certified.get(),
                    Map.of("found", said, "expected", certified.get()));
        }
        return certified.isPresent() || said.isEmpty() ? certified : Optional.of(said);
    }
}
