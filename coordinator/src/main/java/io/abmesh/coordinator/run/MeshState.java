package io.abmesh.coordinator.run;

import io.abmesh.coordinator.worker.TeacherMember;
import io.abmesh.proto.v1.StudentJoin;
import java.util.List;
import java.util.Optional;

/**
 * Who is there and who feeds whom, at one moment.
 *
 * @param work what is done, one for each run in progress that has begun, in that order
 * @param teachers that joined, in order
 * @param students that joined, in order
 */
public record MeshState(List<Work> work, List<Teacher> teachers, List<Student> students) {
    public MeshState {
        work = List.copyOf(work);
        teachers = List.copyOf(teachers);
        students = List.copyOf(students);
    }

    /**
     * A run that is executed.
     *
     * @param runId its name
     * @param epoch membership epoch; 0 before the first
     * @param stepsUnderWay steps that are fed or assigned and not committed
     * @param waitingMicroBatches micro-batches that wait for a teacher's credit
     * @param unansweredCount assignments that the students have not answered
     * @param split where the time of the last steps went; absent before the first
     */
    public record Work(
            String runId,
            long epoch,
            int stepsUnderWay,
            int waitingMicroBatches,
            int unansweredCount,
            Optional<RunRates.Split> split) {}

    /**
     * A teacher-worker.
     *
     * @param workerId its name
     * @param address of its services
     * @param runId run that it works for; empty: none
     * @param creditBytes that it gave to the run; 0 if it does not serve it
     * @param usedBytes of them that micro-batches hold
     * @param heldCount micro-batches that it has to compute or holds
     * @param cachedCount samples that its cache answered for this run
     * @param computedCount samples that took a forward pass
     * @param imagesPerSecond that it answers now
     */
    public record Teacher(
            String workerId,
            String address,
            Optional<String> runId,
            long creditBytes,
            long usedBytes,
            int heldCount,
            long cachedCount,
            long computedCount,
            double imagesPerSecond) {
        /** Returns one that does nothing yet. */
        static Teacher idle(TeacherMember member, Optional<String> runId) {
            return new Teacher(member.workerId(), member.address(), runId, 0, 0, 0, 0, 0, 0);
        }
    }

    /**
     * A student-worker.
     *
     * @param workerId its name
     * @param address of its server
     * @param runId run that it works for; empty: none
     * @param threads that compute
     * @param platform what it computes on
     * @param leads whether it reports for all
     * @param firstMicroBatch first of those that it computes of every step
     * @param endMicroBatch the one behind its last; equal to the first: it computes none
     * @param imagesPerSecond that it trains now
     */
    public record Student(
            String workerId,
            String address,
            Optional<String> runId,
            int threads,
            String platform,
            boolean leads,
            int firstMicroBatch,
            int endMicroBatch,
            double imagesPerSecond) {
        /** Returns one that does nothing yet. */
        static Student idle(StudentJoin join, Optional<String> runId) {
            return new Student(
                    join.getWorkerId(),
                    join.getAddress(),
                    runId,
                    join.getThreads(),
                    join.getPlatform(),
                    false,
                    0,
                    0,
                    0);
        }
    }
}
