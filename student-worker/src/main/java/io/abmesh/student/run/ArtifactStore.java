package io.abmesh.student.run;

import java.nio.file.Path;

/** Where the files of a run's result go. */
@FunctionalInterface
interface ArtifactStore {
    /**
     * Stores a file whole, under its own name.
     *
     * @param epoch membership epoch in which it was asked for
     * @param sha256 of its bytes, lower-case hex
     * @throws io.abmesh.proto.error.MeshException the store's reason, or that of the transport
     * @throws InterruptedException if the thread is interrupted; nothing is stored
     */
    void publish(String runId, long epoch, Path file, String sha256) throws InterruptedException;
}
