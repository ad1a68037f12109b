package io.abmesh.student.session;

import io.abmesh.proto.v1.WorkRequest;

/** Tells the coordinator something. Thread-safe. */
@FunctionalInterface
public interface WorkSender {
    /**
     * Sends at once, with the current epoch. The number of unread messages is bounded by the number
     * of assignments that they answer.
     *
     * @return false if there is no stream; the message is lost
     */
    boolean send(WorkRequest.Builder message);
}
