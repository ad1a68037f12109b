package io.abmesh.coordinator.run;

import io.abmesh.coordinator.worker.StudentSession;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.identity.MeshRole;
import io.abmesh.proto.v1.RunEnd;
import io.abmesh.proto.v1.StepInterrupted;
import io.abmesh.proto.v1.StudentPosition;
import io.abmesh.proto.v1.WorkRequest;
import io.abmesh.proto.v1.WorkResponse;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * The membership epochs of a run. Whenever a student comes or goes, what was under way is
 * forgotten, a new epoch begins in which everybody is asked where it stands, and once all have told
 * the run goes on at the furthest. Nobody is waited for without limit while others could go on.
 * Owns who the students are. On the coordinator's loop.
 */
final class StudentEpochs {
    /** Students that come at about the same time make one epoch. */
    private static final Duration SETTLE = Duration.ofMillis(200);

    /** A student that another one misses is often found lost within this time. */
    private static final Duration INTERRUPTED = Duration.ofMillis(500);

    /** So many epochs in a row that end without a new step end the run. */
    private static final int MOST_INTERRUPTIONS = 20;

    /** The same where a batch cannot be fetched, which took its timeout each time. */
    private static final int MOST_UNFETCHED = 3;

    /** Reason of the notice that tells of a student that is not waited for. */
    static final String STUDENT_REMOVED = "STUDENT_REMOVED";

    /** Reason of the notice that tells of a student that gets nothing done and is waited for. */
    static final String STUDENT_HANGS = "STUDENT_HANGS";

    /** What becomes of an epoch. */
    interface Listener extends Notices {
        /** The epoch is over: what is under way counts no longer. */
        void ended();

        /**
         * Everybody has told a position, and the roster is formed.
         *
         * @param next step at which the run goes on
         */
        void formed(long next);

        /** A named error ends the run. */
        void failed(MeshException cause);
    }

    private final OpenedRun run;
    private final RunExecution.Surroundings around;
    private final RunAdvice advice;
    private final Listener listener;
    private final StudentGroup students = new StudentGroup();
    private final LeaderWatch leaderWatch;
    private boolean regrouping;
    private boolean closed;
    private long interruptedEpoch;
    private int interruptions;
    private int unfetched;
    private long epoch;

    /** Begins without students, and without an epoch. */
    StudentEpochs(
            OpenedRun run, RunExecution.Surroundings around, RunAdvice advice, Listener listener) {
        this.run = run;
        this.around = around;
        this.advice = advice;
        this.listener = listener;
        this.leaderWatch = new LeaderWatch(around.progressDeadline());
    }

    /** Returns the number of the newest epoch; 0 before the first. */
    long epoch() {
        return epoch;
    }

    /** Returns those that work in the epoch; only once it is formed. */
    EpochTeam team() {
        return new EpochTeam(run.runId(), epoch, students.roster(), students.prefetch());
    }

    /** Returns what a student computes of every step. */
    StudentGroup.Share share(StudentSession student) {
        return students.share(student);
    }

    /** Returns whether a student reports for all. */
    boolean leads(StudentSession student) {
        return students.leads(student);
    }

    /**
     * Takes a student; an epoch with it begins soon. The others do not wait again for one that kept
     * them waiting before: it is asked alone.
     */
    void join(StudentSession joined) {
        if (students.staysAside(joined)) {
            ask(joined);
            return;
        }
        if (!students.join(joined)) {
            return;
        }
        advice.studentJoined(students.members().get(0).join(), joined.join());
        if (!regrouping) {
            regrouping = true;
            around.loop().after(SETTLE, this::regroupIfWaiting);
        }
    }

    private void regroupIfWaiting() {
        if (regrouping) {
            regroup();
        }
    }

    /**
     * Takes note of the loss of a student; the others go on without it.
     *
     * @param next step at which they are
     */
    void lost(StudentSession gone, long next) {
        if (!students.leave(gone) || closed) {
            return;
        }
        around.recovery().lost(MeshRole.STUDENT);
        int left = students.members().size();
        listener.notice(
                "STUDENT_LOST",
                "student "
                        + gone.join().getWorkerId()
                        + " is lost; "
                        + (left == 0 ? "waiting for it" : left + " go on")
                        + " at step "
                        + next);
        regroup();
    }

    /** Begins an epoch: every student is asked where it stands. */
    private void regroup() {
        regrouping = false;
        if (closed) {
            return;
        }
        end();
        if (students.members().isEmpty()) {
            return;
        }
        try {
            epoch = around.epochs().getAsLong();
        } catch (MeshException e) {
            listener.failed(e);
            return;
        }
        around.batches().begin(run.runId(), epoch);
        students.members().forEach(this::ask);
    }

    private void end() {
        listener.ended();
        around.batches().begin(run.runId(), epoch);
        students.ask(around.elapsed().instant());
    }

    private void ask(StudentSession student) {
        student.send(WorkResponse.newBuilder().setBegin(run.question()), epoch);
    }

    /**
     * Returns whether what a student says counts: it is a member, and means this epoch. One that
     * was removed and says where it stands is a member again, to be asked with the others.
     */
    boolean admits(StudentSession from, WorkRequest message) {
        if (message.hasPosition() && students.takeBack(from)) {
            join(from);
            return false;
        }
        if (!students.has(from)) {
            return false;
        }
        boolean current = message.getEpoch() == epoch;
        if (!current) {
            if (message.hasPosition()) {
                students.answeredLate(from, around.elapsed().instant());
            }
            run.log().refused(ErrorReason.STALE_EPOCH);
        }
        return current;
    }

    /**
     * Takes where a student stands; the last one's forms the roster.
     *
     * @throws MeshException STREAM_PROTOCOL if it cannot be, or was told before; STORE_FULL
     */
    void answered(StudentSession from, StudentPosition position) {
        long next = position.getNextStep();
        if (!students.answered(from, position)) {
            throw new MeshException(
                    ErrorReason.STREAM_PROTOCOL,
                    "position is told twice: found=" + next + ", expected=one answer to begin");
        }
        if (next < 0 || next > run.script().totalSteps()) {
            throw new MeshException(
                    ErrorReason.STREAM_PROTOCOL,
                    "position is not of this run: found="
                            + next
                            + ", expected=[0, "
                            + run.script().totalSteps()
                            + "]");
        }
        if (students.allAnswered()) {
            form();
        }
    }

    /** Everybody has told a position: the run goes on where the furthest stands. */
    private void form() {
        StudentPosition leader = students.form(run.plan().getMicroBatches());
        List<StudentGroup.Place> roster = students.roster();
        run.log().versions(leader);
        run.log()
                .rosterFormed(
                        run.script(),
                        epoch,
                        leader.getNextStep(),
                        roster.stream().map(place -> place.student().join().getWorkerId()).toList(),
                        students.behind(),
                        students.discarded());
        advice.rosterFormed(roster.size(), run.plan().getMicroBatches());
        if (closed) {
            return; // the notice could not be written
        }
        for (int i = 0; i < roster.size(); i++) {
            roster.get(i)
                    .student()
                    .send(WorkResponse.newBuilder().setRoster(students.message(i)), epoch);
        }
        listener.formed(leader.getNextStep());
    }

    /**
     * A student misses another's part. If that one is not lost by then, a new epoch begins.
     *
     * @throws MeshException STORE_FULL
     */
    void interrupted(StudentSession from, StepInterrupted message) {
        MeshException cause = ErrorStatuses.fromStatus(message.getStatus());
        run.log().refused(cause.reason());
        if (interruptedEpoch == epoch) {
            return;
        }
        interruptedEpoch = epoch;
        if (!mayEndInVain(message.getStep(), from, cause)) {
            return;
        }
        listener.notice(
                "STEP_INTERRUPTED",
                "step "
                        + message.getStep()
                        + " is interrupted at student "
                        + from.join().getWorkerId()
                        + ": "
                        + cause.getMessage());
        long interrupted = epoch;
        around.loop()
                .after(
                        INTERRUPTED,
                        () -> {
                            if (epoch == interrupted && !closed) {
                                regroup();
                            }
                        });
    }

    /** Counts an epoch that ends without a new step; too many in a row end the run: false. */
    private boolean mayEndInVain(long step, StudentSession by, MeshException cause) {
        interruptions++;
        unfetched = cause.reason() == ErrorReason.BATCH_UNAVAILABLE ? unfetched + 1 : 0;
        boolean may = interruptions < MOST_INTERRUPTIONS && unfetched < MOST_UNFETCHED;
        if (!may) {
            listener.failed(
                    new MeshException(
                            cause.reason(),
                            "students cannot do a step: "
                                    + (unfetched < MOST_UNFETCHED ? interruptions : unfetched)
                                    + " epochs without a step, the last at step "
                                    + step
                                    + " by "
                                    + by.join().getWorkerId()
                                    + ": "
                                    + cause.getMessage()));
        }
        return may;
    }

    /** The students have got a step further: this epoch is not in vain. */
    void advanced() {
        interruptions = 0;
        unfetched = 0;
    }

    /** Goes on without the students that have not said in time where they stand. */
    void goOnWithoutTheLate() {
        List<StudentSession> late =
                students.setAside(around.elapsed().instant(), around.positionDeadline());
        int left = students.members().size();
        for (StudentSession student : late) {
            around.recovery().lost(MeshRole.STUDENT);
            listener.notice(
                    STUDENT_REMOVED,
                    "student "
                            + student.join().getWorkerId()
                            + " has not said where it stands: epoch="
                            + epoch
                            + ", waited="
                            + around.positionDeadline()
                            + "; removed until it does, "
                            + (left == 0 ? "nobody is left" : left + " go on"));
        }
        if (!late.isEmpty() && students.allAnswered()) {
            try {
                form();
            } catch (MeshException e) {
                listener.failed(e);
            }
        }
    }

    /**
     * Goes on without a leader that gets nothing done.
     *
     * @param owed what waits for nobody but the leader
     */
    void watchLeader(Optional<RunScript.Item> owed) {
        Optional<LeaderWatch.Sight> sight =
                owed.flatMap(
                        item ->
                                students.leader()
                                        .map(
                                                leader ->
                                                        new LeaderWatch.Sight(
                                                                leader,
                                                                epoch,
                                                                item,
                                                                leader.progress())));
        Instant now = around.elapsed().instant();
        if (leaderWatch.hangs(sight, now)) {
            sight.ifPresent(this::leaderHangs);
        }
    }

    /**
     * The others go on without a leader that hangs, which is asked where it stands and is a member
     * again once it says. One that is alone is waited for like one that is lost: what hangs may
     * come back, a disk for one, and whoever starts the worker again gets a run that goes on; a run
     * that has failed needs a person.
     */
    private void leaderHangs(LeaderWatch.Sight seen) {
        StudentSession leader = seen.leader();
        String what = seen + ", waited=" + around.progressDeadline();
        int left = students.members().size() - 1;
        if (left == 0) {
            listener.notice(STUDENT_HANGS, what + "; the run waits for it, nobody else is there");
            return;
        }
        MeshException cause = new MeshException(ErrorReason.DEADLINE_EXCEEDED, what);
        if (!mayEndInVain(seen.owed().step(), leader, cause)) {
            return;
        }
        around.recovery().lost(MeshRole.STUDENT);
        students.setAside(leader);
        listener.notice(
                STUDENT_REMOVED,
                what + "; removed until it says where it stands, " + left + " go on");
        regroup();
        if (!closed) {
            ask(leader);
        }
    }

    /** Stops; the students are told. */
    void close() {
        closed = true;
        end();
        around.batches().end(run.runId());
        for (StudentSession student : students.connected()) {
            student.send(
                    WorkResponse.newBuilder().setEnd(RunEnd.newBuilder().setRunId(run.runId())),
                    epoch);
        }
    }
}
