package io.abmesh.coordinator.worker;

import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.transport.PacedWriter;
import io.abmesh.proto.v1.Heartbeat;
import io.abmesh.proto.v1.StudentJoin;
import io.abmesh.proto.v1.WorkResponse;
import java.util.Optional;

/**
 * A student-worker that joined, for as long as its stream lives. Messages are few and small: one
 * per assignment.
 */
public final class StudentSession {
    private final StudentJoin join;
    private final Optional<String> run;
    private final PacedWriter<WorkResponse> writer;
    private volatile long epoch;
    private volatile long progress;

    StudentSession(StudentJoin join, Optional<String> run, PacedWriter<WorkResponse> writer) {
        this.join = join;
        this.run = run;
        this.writer = writer;
    }

    /** Returns how the worker presented itself. */
    public StudentJoin join() {
        return join;
    }

    /** Returns the request of the run that it is for; empty: it is lent to one that needs it. */
    public Optional<String> run() {
        return run;
    }

    /** Returns the pieces of work that the worker has got done, as it said last. */
    public long progress() {
        return progress;
    }

    void progressed(long count) {
        progress = count;
    }

    /** Sends a message; one that cannot be sent is followed by the loss of the session. */
    public void send(WorkResponse.Builder message, long membershipEpoch) {
        epoch = membershipEpoch;
        writer.tryWrite(message.setEpoch(epoch).build());
    }

    /** Gives a sign of life, of the epoch told last. */
    void beat() {
        writer.tryWrite(
                WorkResponse.newBuilder()
                        .setEpoch(epoch)
                        .setHeartbeat(Heartbeat.getDefaultInstance())
                        .build());
    }

    /** Ends the session by a named error. */
    public void fail(MeshException failure) {
        writer.fail(failure);
    }
}
