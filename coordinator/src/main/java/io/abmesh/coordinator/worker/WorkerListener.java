package io.abmesh.coordinator.worker;

import io.abmesh.proto.v1.WorkRequest;

/** What workers do, told on the coordinator's loop. */
public interface WorkerListener {
    /** A student-worker joined. */
    void studentJoined(StudentSession student);

    /** A student-worker that joined said something. */
    void studentSaid(StudentSession student, WorkRequest message);

    /** A student-worker left or fell silent. */
    void studentLost(StudentSession student);

    /** A teacher-worker joined. */
    void teacherJoined(TeacherMember teacher);

    /** A teacher-worker left, is leaving, or fell silent. */
    void teacherLost(TeacherMember teacher);
}
