package io.abmesh.student.session;

import io.abmesh.proto.v1.WorkRequest;

/** Tells the coordinator something. Thread-safe. */
@FunctionalInterface
public interface WorkSender {
    /**
     * Sends at once. The number of unread messages is bounded by the number of assignments that
     * they answer.
     *
     * @param epoch that what is said belongs to; the coordinator refuses what belongs to an older
     *     one than its own
     * @return false if there is no stream; the message is lost
     */
    boolean send(WorkRequest.Builder message, long epoch);
}
