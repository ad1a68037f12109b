package io.abmesh.coordinator.run;

import io.abmesh.coordinator.worker.StudentSession;
import io.abmesh.coordinator.worker.TeacherMember;
import io.abmesh.coordinator.worker.WorkerListener;
import io.abmesh.proto.v1.WorkRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jboss.logging.Logger;

/**
 * The workers that joined the mesh. Lends those that are free to runs in progress, by {@link
 * Lending}, and tells each run what its own do. On the coordinator's loop.
 */
final class MeshWorkers implements WorkerListener {
    private static final Logger LOG = Logger.getLogger(MeshWorkers.class);

    private final Supplier<List<ActiveRun>> inProgress;
    private final List<TeacherMember> teachers = new ArrayList<>();
    private final List<StudentSession> students = new ArrayList<>();

    /**
     * Has nobody yet.
     *
     * @param inProgress tells the runs that workers can be lent to now, oldest first
     */
    MeshWorkers(Supplier<List<ActiveRun>> inProgress) {
        this.inProgress = inProgress;
    }

    /** Gives a run to every worker that has none and that a run can use. */
    void lend() {
        for (TeacherMember teacher : List.copyOf(teachers)) {
            if (runOf(teacher).isEmpty()) {
                List<ActiveRun> runs =
                        inProgress.get().stream().filter(ActiveRun::needsTeachers).toList();
                chosen(teacher.run(), runs, run -> run.borrower(teacher))
                        .ifPresent(run -> run.take(teacher));
            }
        }
        for (StudentSession student : List.copyOf(students)) {
            if (runOf(student).isEmpty()) {
                chosen(student.run(), inProgress.get(), run -> run.borrower(student))
                        .ifPresent(run -> run.take(student));
            }
        }
    }

    private static Optional<ActiveRun> chosen(
            Optional<String> named,
            List<ActiveRun> oldestFirst,
            Function<ActiveRun, Lending.Borrower> borrower) {
        return Lending.choose(named, oldestFirst.stream().map(borrower).toList())
                .flatMap(
                        chosen ->
                                oldestFirst.stream()
                                        .filter(run -> run.runId().equals(chosen.runId()))
                                        .findFirst());
    }

    private Optional<ActiveRun> runOf(TeacherMember teacher) {
        return inProgress.get().stream().filter(run -> run.has(teacher)).findFirst();
    }

    private Optional<ActiveRun> runOf(StudentSession student) {
        return inProgress.get().stream().filter(run -> run.has(student)).findFirst();
    }

    @Override
    public void studentJoined(StudentSession student) {
        LOG.infof(
                "Student joined worker=%s platform=%s threads=%d",
                student.join().getWorkerId(),
                student.join().getPlatform(),
                student.join().getThreads());
        students.add(student);
        lend();
    }

    @Override
    public void studentSaid(StudentSession student, WorkRequest message) {
        runOf(student).ifPresent(run -> run.said(student, message));
    }

    @Override
    public void studentLost(StudentSession student) {
        LOG.infof("Student left worker=%s", student.join().getWorkerId());
        students.remove(student);
        runOf(student).ifPresent(run -> run.lost(student));
    }

    @Override
    public void teacherJoined(TeacherMember teacher) {
        LOG.infof("Teacher joined worker=%s address=%s", teacher.workerId(), teacher.address());
        teachers.add(teacher);
        lend();
    }

    @Override
    public void teacherLost(TeacherMember teacher) {
        if (!teachers.remove(teacher)) {
            return;
        }
        LOG.infof("Teacher left worker=%s", teacher.workerId());
        runOf(teacher).ifPresent(run -> run.lost(teacher));
    }

    /** Returns the teachers, in the order in which they joined, and what each does. */
    List<MeshState.Teacher> teachers() {
        return teachers.stream()
                .map(
                        teacher ->
                                runOf(teacher)
                                        .map(run -> run.describe(teacher))
                                        .orElseGet(
                                                () ->
                                                        MeshState.Teacher.idle(
                                                                teacher, Optional.empty())))
                .toList();
    }

    /** Returns the students, in the order in which they joined, and what each does. */
    List<MeshState.Student> students() {
        return students.stream()
                .map(
                        student ->
                                runOf(student)
                                        .map(run -> run.describe(student))
                                        .orElseGet(
                                                () ->
                                                        MeshState.Student.idle(
                                                                student.join(), Optional.empty())))
                .toList();
    }

    /** Returns the number of teachers. */
    int teacherCount() {
        return teachers.size();
    }

    /** Returns the number of students. */
    int studentCount() {
        return students.size();
    }
}
