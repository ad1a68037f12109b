package io.abmesh.coordinator.run;

import io.abmesh.coordinator.batch.LazyBatches;
import io.abmesh.coordinator.meter.Recovery;
import io.abmesh.coordinator.worker.StudentSession;
import io.abmesh.coordinator.worker.TeacherMember;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.transport.MeshSecurity;
import io.abmesh.proto.v1.WorkRequest;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Executes one run: gives what its workers say to those that it concerns. {@link StudentEpochs}
 * settle who the students are and where they stand; in each epoch an {@link EpochWork} does the
 * work. On the coordinator's loop.
 *
 * <p>Everything that is not committed is a pure function of the plan and the position. So whenever
 * a student comes or goes, the work of the epoch is dropped, and the run goes on in a new one where
 * the furthest student stands.
 */
final class RunExecution {
    /** What the execution needs around it. */
    record Surroundings(
            Loop loop,
            LazyBatches batches,
            LongSupplier epochs,
            String ownAddress,
            MeshSecurity security,
            Duration stallTimeout,
            Duration positionDeadline,
            Duration progressDeadline,
            Clock elapsed,
            Recovery recovery,
            StepSampling sampling) {}

    /** Tells that the run is over. */
    interface Ending {
        /** Every track is done. */
        void succeeded();

        /** A named error ended it. */
        void failed(MeshException cause);
    }

    private final OpenedRun run;
    private final Surroundings around;
    private final Ending ending;
    private final RunPace pace;
    private final RunAdvice advice;
    private final StudentEpochs epochs;
    private final List<TeacherMember> teachers = new ArrayList<>();

    /** Of the newest epoch that was formed, maybe closed; none before the first. */
    private @Nullable EpochWork work;

    /** Of the first teacher of a run that begins. */
    private @Nullable TeacherExam exam;

    private boolean over;

    RunExecution(OpenedRun run, Surroundings around, Ending ending) {
        this.run = run;
        this.around = around;
        this.ending = ending;
        this.pace = new RunPace(around.elapsed());
        this.advice = new RunAdvice(this::notice);
        this.epochs = new StudentEpochs(run, around, advice, new OfEpochs());
        run.record().update(state -> state.setTotalSteps(run.script().totalSteps()));
    }

    /** Begins, without workers yet; whoever hears that the run is over can close this. */
    void begin() {
        if (run.teacher() != null) {
            advice.tapsPaired(run.teacher().match());
        }
    }

    private final class OfEpochs implements StudentEpochs.Listener {
        @Override
        public void ended() {
            if (work != null) {
                work.close();
            }
        }

        @Override
        public void formed(long next) {
            EpochWork begun =
                    new EpochWork(run, around, pace, advice, epochs.team(), next, new OfWork());
            work = begun;
            begun.begin(teachers);
        }

        @Override
        public void failed(MeshException cause) {
            fail(cause);
        }

        @Override
        public void notice(String reason, String message) {
            RunExecution.this.notice(reason, message);
        }
    }

    private final class OfWork implements EpochWork.Listener {
        @Override
        public void committed() {
            epochs.advanced();
        }

        @Override
        public void succeeded() {
            ending.succeeded();
        }

        @Override
        public void failed(MeshException cause) {
            fail(cause);
        }

        @Override
        public void notice(String reason, String message) {
            RunExecution.this.notice(reason, message);
        }
    }

    private void notice(String reason, String message) {
        if (over) {
            return;
        }
        try {
            run.log().notice(reason, message);
        } catch (MeshException e) {
            fail(e);
        }
    }

    private void fail(MeshException cause) {
        if (!over) {
            ending.failed(cause);
        }
    }

    /** Gives the run a student more. */
    void studentJoined(StudentSession student) {
        if (!over) {
            epochs.join(student);
        }
    }

    /** Takes note of the loss of a student. */
    void studentLost(StudentSession student) {
        epochs.lost(student, work == null ? 0 : work.committed() + 1);
    }

    /** Gives the run a teacher more. */
    void teacherJoined(TeacherMember member) {
        if (over) {
            return;
        }
        teachers.add(member);
        examine(member);
        if (work != null) {
            work.teacherJoined(member);
        }
    }

    /** One that has other classes than the data has no answers to compare. */
    private void examine(TeacherMember member) {
        RunWorld.Teacher teacher = run.teacher();
        if (exam == null
                && teacher != null
                && teacher.description().getClassCount() == run.world().facts().classCount()
                && teacher.description().getModelSha256().equals(member.modelSha256())
                && run.log().history().steps().isEmpty()) {
            exam = new TeacherExam(run, teacher, member, around, advice);
        }
    }

    /** Takes note of the loss of a teacher. */
    void teacherLost(TeacherMember member) {
        teachers.remove(member);
        if (work != null) {
            work.teacherLost(member);
        }
    }

    /** Looks at the time: nobody is waited for without limit while others could go on. */
    void beat() {
        if (over) {
            return;
        }
        epochs.goOnWithoutTheLate();
        if (work != null) {
            work.beat();
        }
        epochs.watchLeader(Optional.ofNullable(work).flatMap(EpochWork::owedByLeader));
    }

    /** Takes what one of the run's students says. */
    void said(StudentSession from, WorkRequest message) {
        if (over) {
            return;
        }
        try {
            if (!epochs.admits(from, message)) {
                return;
            }
            switch (message.getMessageCase()) {
                case POSITION -> epochs.answered(from, message.getPosition());
                case INTERRUPTED -> epochs.interrupted(from, message.getInterrupted());
                case FAILED -> fail(ErrorStatuses.fromStatus(message.getFailed().getStatus()));
                case STEP, EVALUATION, CHECKPOINT, TRACK -> reported(from, message);
                case JOIN, HEARTBEAT, MESSAGE_NOT_SET -> {}
            }
        } catch (MeshException e) {
            fail(e);
        }
    }

    private void reported(StudentSession from, WorkRequest message) {
        if (work == null || !epochs.leads(from)) {
            run.log().refused(ErrorReason.STREAM_PROTOCOL);
            return;
        }
        switch (message.getMessageCase()) {
            case STEP -> work.stepped(message.getStep());
            case EVALUATION -> work.evaluated(message.getEvaluation());
            case CHECKPOINT -> work.checkpointed(message.getCheckpoint().getStep());
            case TRACK -> work.trackEnded(message.getTrack());
            default -> throw new IllegalArgumentException("no report: " + message);
        }
    }

    /** Returns what is under way. */
    MeshState.Work work() {
        return new MeshState.Work(
                run.runId(),
                epochs.epoch(),
                work == null ? 0 : work.stepsUnderWay(),
                work == null ? 0 : work.waitingMicroBatches(),
                work == null ? 0 : work.unanswered(),
                run.record().rates().split());
    }

    /** Returns what a teacher does for the run. */
    MeshState.Teacher describe(TeacherMember member) {
        TeacherFeed.Queue queue = work == null ? TeacherFeed.Queue.NONE : work.queue(member);
        Throughput answered = pace.of(member.workerId());
        return new MeshState.Teacher(
                member.workerId(),
                member.address(),
                Optional.of(run.runId()),
                queue.creditBytes(),
                queue.usedBytes(),
                queue.heldCount(),
                answered.cachedCount(),
                answered.computedCount(),
                answered.perSecond());
    }

    /** Returns what a student does for the run. */
    MeshState.Student describe(StudentSession student) {
        StudentGroup.Share share = epochs.share(student);
        double part = (double) (share.end() - share.first()) / run.plan().getMicroBatches();
        return new MeshState.Student(
                student.join().getWorkerId(),
                student.join().getAddress(),
                Optional.of(run.runId()),
                student.join().getThreads(),
                student.join().getPlatform(),
                epochs.leads(student),
                share.first(),
                share.end(),
                part * pace.trainedPerSecond());
    }

    /** Stops; the students are told. */
    void close() {
        over = true;
        if (exam != null) {
            exam.close();
        }
        epochs.close();
    }
}
