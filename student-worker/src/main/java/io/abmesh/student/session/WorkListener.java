package io.abmesh.student.session;

import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.WorkResponse;

/**
 * Hears what the coordinator says. Called under the session's lock, in order, on threads that must
 * not be held: an implementation queues and returns.
 */
public interface WorkListener {
    /**
     * The coordinator said something of a current epoch, other than a heartbeat.
     *
     * @throws MeshException STREAM_PROTOCOL if it may not say that; the stream ends with it and a
     *     new one begins
     */
    void received(WorkResponse message);

    /** The stream broke; what was assigned through it will be assigned again. */
    void lost();

    /** The coordinator refuses this worker for good, for example VERSION_MISMATCH. */
    void refused(MeshException reason);
}
