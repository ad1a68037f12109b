package io.abmesh.coordinator.run;

import io.abmesh.coordinator.meter.Recovery;
import io.abmesh.coordinator.meter.RunMeters;
import io.abmesh.coordinator.plan.TrackPlanner;
import io.abmesh.coordinator.store.RunFolder;
import io.abmesh.coordinator.worker.StudentSession;
import io.abmesh.coordinator.worker.TeacherMember;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.identity.MeshRole;
import io.abmesh.proto.log.LogContext;
import io.abmesh.proto.v1.Plan;
import io.abmesh.proto.v1.RunState;
import io.abmesh.proto.v1.RunWorkers;
import io.abmesh.proto.v1.WorkRequest;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * A run in progress, as far as it has come: first what it needs is opened, then it is executed.
 * Owns its opening, its execution and its log, and knows the workers that are lent to it. On the
 * coordinator's loop.
 */
final class ActiveRun {
    private static final Logger LOG = Logger.getLogger(ActiveRun.class);

    /** Tells that a run is over; whoever hears it calls {@link #stop} and {@link #close}. */
    interface Ending {
        /**
         * It is over.
         *
         * @param cause why it failed; absent if it did not
         */
        void ended(RunRecord record, RunState state, @Nullable MeshException cause);
    }

    private final RunRecord record;
    private final Plan plan;
    private final Loop loop;
    private final SharedParts shared;
    private final RunMeters meters;
    private final String ownAddress;
    private final Optional<Instant> interrupted;
    private final Ending ending;
    private final RunOpening opening;
    private final List<TeacherMember> teachers = new ArrayList<>();
    private final List<StudentSession> students = new ArrayList<>();
    private @Nullable OpenedRun opened;
    private @Nullable RunExecution execution;

    /**
     * Is at its beginning.
     *
     * @param ownAddress at which students fetch teacherless batches
     * @param interrupted when it went on, if a coordinator was lost while it was under way
     */
    ActiveRun(
            RunRecord record,
            SharedParts shared,
            RunMeters meters,
            String ownAddress,
            Optional<Instant> interrupted,
            Ending ending) {
        RunFolder folder = record.folder();
        this.record = record;
        this.plan = folder.plan().resolved(folder.baseDirectory());
        this.loop = shared.loop().of(record::logContext);
        this.shared = shared;
        this.meters = meters;
        this.ownAddress = ownAddress;
        this.interrupted = interrupted;
        this.ending = ending;
        this.opening =
                new RunOpening(
                        record,
                        plan,
                        loop,
                        shared.beside(),
                        () ->
                                RunWorld.open(
                                        folder.plan(),
                                        folder.baseDirectory(),
                                        shared.datasets(),
                                        shared.settings().evaluationBatch()),
                        () -> List.copyOf(teachers),
                        new TeacherDescriber(
                                        shared.security(), shared.settings().describeDeadline())
                                ::describe,
                        new OfOpening());
    }

    private final class OfOpening implements RunOpening.Listener {
        @Override
        public void opened(RunWorld world, RunWorld.@Nullable Teacher teacher) {
            execute(world, teacher);
        }

        @Override
        public void waits(MeshException cause) {
            new RunNotices(record, meters).notice(cause.reason().name(), cause.getMessage());
        }

        @Override
        public void failed(MeshException cause) {
            end(RunState.RUN_STATE_FAILED, cause);
        }
    }

    private final class OfExecution implements RunExecution.Ending {
        @Override
        public void succeeded() {
            end(RunState.RUN_STATE_SUCCEEDED, null);
        }

        @Override
        public void failed(MeshException cause) {
            end(RunState.RUN_STATE_FAILED, cause);
        }
    }

    private void end(RunState state, @Nullable MeshException cause) {
        ending.ended(record, state, cause);
    }

    /** Begins to open what the run needs. */
    void begin() {
        opening.begin();
    }

    private void execute(RunWorld world, RunWorld.@Nullable Teacher teacher) {
        RunLog log;
        try {
            log =
                    RunLog.open(
                            record,
                            plan,
                            shared.clock(),
                            shared.settings().evaluationBatch(),
                            meters);
        } catch (MeshException e) {
            end(RunState.RUN_STATE_FAILED, e);
            return;
        }
        int images = world.facts().trainCount();
        RunScript script = new RunScript(plan, TrackPlanner.tracks(plan, images), images);
        OpenedRun run = new OpenedRun(record, plan, world, teacher, script, log);
        opened = run;
        RunExecution begun = new RunExecution(run, surroundings(), new OfExecution());
        execution = begun;
        begun.begin();
        teachers.forEach(begun::teacherJoined);
        students.forEach(begun::studentJoined);
    }

    private RunExecution.Surroundings surroundings() {
        Recovery recovery = new Recovery(meters, shared.clock());
        interrupted.ifPresent(when -> recovery.lost(MeshRole.COORDINATOR, when));
        Runs.Settings settings = shared.settings();
        return new RunExecution.Surroundings(
                loop,
                shared.batches(),
                shared.store()::nextEpoch,
                ownAddress,
                shared.security(),
                settings.stallTimeout(),
                settings.positionDeadline(),
                settings.progressDeadline(),
                shared.elapsed(),
                recovery,
                settings.sampling());
    }

    String runId() {
        return record.folder().runId();
    }

    String planName() {
        return plan.getName();
    }

    boolean needsTeachers() {
        return plan.hasTeacher();
    }

    boolean has(TeacherMember teacher) {
        return teachers.contains(teacher);
    }

    boolean has(StudentSession student) {
        return students.contains(student);
    }

    /** Returns what the run would do with a teacher. */
    Lending.Borrower borrower(TeacherMember member) {
        String model = opening.modelSha256();
        return borrower(
                teachers.size(),
                Integer.MAX_VALUE,
                model.isEmpty() || model.equals(member.modelSha256()));
    }

    /** Returns what the run would do with a student. */
    Lending.Borrower borrower(StudentSession student) {
        return borrower(
                students.size(),
                plan.getMicroBatches(),
                record.students().contains(student.join().getWorkerId()));
    }

    private Lending.Borrower borrower(int workers, int useful, boolean known) {
        return new Lending.Borrower(runId(), record.folder().requestId(), workers, useful, known);
    }

    /** Takes a teacher that works for this run from now on. */
    void take(TeacherMember teacher) {
        record.logContext(LogContext.NONE.worker(teacher.workerId()))
                .during(
                        () -> {
                            LOG.infof(
                                    "Teacher works worker=%s run=%s", teacher.workerId(), runId());
                            teachers.add(teacher);
                            if (execution != null) {
                                execution.teacherJoined(teacher);
                            }
                            opening.advance();
                        });
    }

    /** Takes a student that works for this run from now on. */
    void take(StudentSession student) {
        record.logContext(of(student))
                .during(
                        () -> {
                            LOG.infof(
                                    "Student works worker=%s run=%s",
                                    student.join().getWorkerId(), runId());
                            students.add(student);
                            if (execution != null) {
                                execution.studentJoined(student);
                            }
                        });
    }

    /** A teacher of the run is gone. */
    void lost(TeacherMember teacher) {
        teachers.remove(teacher);
        LogContext worker = LogContext.NONE.worker(teacher.workerId());
        tell(worker, run -> run.teacherLost(teacher));
        record.logContext(worker).during(opening::advance);
    }

    /** A student of the run is gone. */
    void lost(StudentSession student) {
        students.remove(student);
        tell(of(student), run -> run.studentLost(student));
    }

    /** A student of the run said something. */
    void said(StudentSession student, WorkRequest message) {
        tell(of(student), run -> run.said(student, message));
    }

    /** Looks at the time. */
    void beat() {
        tell(LogContext.NONE, RunExecution::beat);
    }

    private static LogContext of(StudentSession student) {
        return LogContext.NONE.worker(student.join().getWorkerId());
    }

    /** Tells the execution, if it has begun, what a worker did, whom its lines then name. */
    private void tell(LogContext worker, Consumer<RunExecution> word) {
        RunExecution begun = execution;
        if (begun != null) {
            record.logContext(worker).during(() -> word.accept(begun));
        }
    }

    /** Returns what is under way; nothing before the execution has begun. */
    Optional<MeshState.Work> work() {
        return Optional.ofNullable(execution).map(RunExecution::work);
    }

    /** Returns what a teacher does for the run. */
    MeshState.Teacher describe(TeacherMember teacher) {
        return execution == null
                ? MeshState.Teacher.idle(teacher, Optional.of(runId()))
                : execution.describe(teacher);
    }

    /** Returns what a student does for the run. */
    MeshState.Student describe(StudentSession student) {
        return execution == null
                ? MeshState.Student.idle(student.join(), Optional.of(runId()))
                : execution.describe(student);
    }

    /** Returns how fast the workers of the run are; nothing before the execution has begun. */
    RunWorkers workers() {
        RunWorkers.Builder workers = RunWorkers.newBuilder();
        RunExecution begun = execution;
        if (begun == null) {
            return workers.build();
        }
        for (StudentSession student : students) {
            workers.addStudents(
                    RunWorkers.Worker.newBuilder()
                            .setWorkerId(student.join().getWorkerId())
                            .setImagesPerSecond(begun.describe(student).imagesPerSecond()));
        }
        for (TeacherMember teacher : teachers) {
            workers.addTeachers(
                    RunWorkers.Worker.newBuilder()
                            .setWorkerId(teacher.workerId())
                            .setImagesPerSecond(begun.describe(teacher).imagesPerSecond()));
        }
        return workers.build();
    }

    /** Shows in the run's meters what is there. */
    void measure() {
        List<MeshState.Teacher> feeding = teachers.stream().map(this::describe).toList();
        Optional<MeshState.Work> work = work();
        meters.levels(
                new RunMeters.Levels(
                        record.snapshot().getState() == RunState.RUN_STATE_RUNNING,
                        teachers.size(),
                        students.size(),
                        work.map(MeshState.Work::stepsUnderWay).orElse(0),
                        work.map(MeshState.Work::waitingMicroBatches).orElse(0),
                        feeding.stream().mapToLong(MeshState.Teacher::creditBytes).sum(),
                        feeding.stream().mapToLong(MeshState.Teacher::usedBytes).sum()));
    }

    /** Ends the execution, if it has begun; its students are told. */
    void stop() {
        if (execution != null) {
            execution.close();
        }
    }

    /**
     * Writes what the run leaves behind, if it was executed.
     *
     * @throws MeshException STORE_FULL
     */
    void writeResult(RunState state) {
        if (opened != null) {
            opened.log().close();
            ResultFiles.write(opened, state);
        }
    }

    /**
     * Closes the log, with which a coordinator goes on later.
     *
     * @throws MeshException STORE_FULL
     */
    void closeLog() {
        if (opened != null) {
            opened.log().close();
        }
    }

    /** Lets the images go. */
    void close() {
        opening.close();
    }
}
