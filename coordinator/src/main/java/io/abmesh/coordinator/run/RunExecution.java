package io.abmesh.coordinator.run;

import io.abmesh.coordinator.batch.LazyBatches;
import io.abmesh.coordinator.meter.Recovery;
import io.abmesh.coordinator.plan.PlanNeeds;
import io.abmesh.coordinator.run.RunScript.Item;
import io.abmesh.coordinator.run.TeacherFeed.MicroKey;
import io.abmesh.coordinator.worker.StudentSession;
import io.abmesh.coordinator.worker.TeacherMember;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.identity.MeshRole;
import io.abmesh.proto.plan.ProbedScale;
import io.abmesh.proto.trace.StepTracing;
import io.abmesh.proto.transport.MeshSecurity;
import io.abmesh.proto.v1.BatchReady;
import io.abmesh.proto.v1.BatchReference;
import io.abmesh.proto.v1.CheckpointRequest;
import io.abmesh.proto.v1.EvaluationAssignment;
import io.abmesh.proto.v1.EvaluationReport;
import io.abmesh.proto.v1.PhasePlan;
import io.abmesh.proto.v1.Plan;
import io.abmesh.proto.v1.RunBegin;
import io.abmesh.proto.v1.RunEnd;
import io.abmesh.proto.v1.ScaleChoice;
import io.abmesh.proto.v1.StepAssignment;
import io.abmesh.proto.v1.StepCommitted;
import io.abmesh.proto.v1.StepInterrupted;
import io.abmesh.proto.v1.StepReport;
import io.abmesh.proto.v1.StudentPosition;
import io.abmesh.proto.v1.TapDescription;
import io.abmesh.proto.v1.TapFirings;
import io.abmesh.proto.v1.TrackEnd;
import io.abmesh.proto.v1.TrackReport;
import io.abmesh.proto.v1.UntilPlan;
import io.abmesh.proto.v1.WorkRequest;
import io.abmesh.proto.v1.WorkResponse;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.StatusCode;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Drives one run: keeps micro-batches under way to teachers, assigns what is ready to the students
 * in the order of the script, and commits what their leader reports. On the coordinator's loop.
 *
 * <p>Everything that is not committed is a pure function of the plan and the position. So whenever
 * a student comes or goes, what was under way is forgotten, a new membership epoch begins, and the
 * run goes on where the furthest student stands.
 */
final class RunExecution implements TeacherFeed.Listener {
    /** Steps that are fed beyond those that the student wants unanswered. */
    private static final int FEED_AHEAD = 2;

    /** Students that come at about the same time make one epoch. */
    private static final Duration SETTLE = Duration.ofMillis(200);

    /** A student that another one misses is often found lost within this time. */
    private static final Duration INTERRUPTED = Duration.ofMillis(500);

    /** Epochs in a row that may end without a new step before the run does. */
    private static final int MOST_INTERRUPTIONS = 20;

    /** Reason of the notice that tells of a student that is not waited for. */
    static final String STUDENT_REMOVED = "STUDENT_REMOVED";

    /** Reason of the notice that tells of a student that gets nothing done and is waited for. */
    static final String STUDENT_HANGS = "STUDENT_HANGS";

    /** Agreement that a student reaches by chance, with what a few steps may move it by luck. */
    private static final double CHANCE = 0.51;

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
            Clock clock,
            Recovery recovery,
            StepSampling sampling) {}

    /** Tells that the run is over. */
    interface Ending {
        /** Every track is done. */
        void succeeded();

        /** A named error ended it. */
        void failed(MeshException cause);
    }

    /** A step on its way: its micro-batches in order. */
    private static final class FedStep {
        private final @Nullable BatchReference[] ready;

        /** How the teacher's taps fire in each micro-batch, where that was asked for. */
        private final Map<Integer, List<TapFirings>> firings = new TreeMap<>();

        private final Span span;
        private boolean assigned;
        private int cached;
        private int computed;

        FedStep(int microBatches, Span span) {
            ready = new BatchReference[microBatches];
            this.span = span;
        }

        boolean complete() {
            for (BatchReference reference : ready) {
                if (reference == null) {
                    return false;
                }
            }
            return true;
        }
    }

    private final RunRecord record;
    private final Plan plan;
    private final RunWorld world;
    private final RunWorld.@Nullable Teacher teacher;
    private final RunScript script;
    private final RunLog log;
    private final Surroundings around;
    private final Ending ending;
    private final List<TeacherMember> teachers = new ArrayList<>();
    private final TreeMap<Long, FedStep> fed = new TreeMap<>();
    private final Deque<Item> upcoming = new ArrayDeque<>();
    private final Deque<Item> unanswered = new ArrayDeque<>();
    private final Set<Long> checkpointing = new HashSet<>();
    private final StudentGroup students = new StudentGroup();
    private final LeaderWatch leaderWatch;

    /** What each teacher has answered, by its name. */
    private final Map<String, Throughput> answeredBy = new HashMap<>();

    private final Throughput trained;
    private final Set<String> advised = new HashSet<>();
    private @Nullable TeacherFeed feed;
    private @Nullable Plateau plateau;
    private boolean positioned;
    private boolean regrouping;
    private boolean over;
    private long interruptedEpoch;
    private int interruptions;
    private long epoch;
    private long nextFeed;
    private long nextScript;
    private long committed = -1;

    /** Newest step that the journal has. */
    private long told = -1;

    private long barrier = Long.MAX_VALUE;
    private long phaseEnd = -1;

    /** Last step of the phase whose end the journal already had at the student's position. */
    private long phaseTold = -1;

    RunExecution(
            RunRecord record,
            Plan plan,
            RunWorld world,
            RunWorld.@Nullable Teacher teacher,
            RunScript script,
            RunLog log,
            Surroundings around,
            Ending ending) {
        this.record = record;
        this.plan = plan;
        this.world = world;
        this.teacher = teacher;
        this.script = script;
        this.log = log;
        this.around = around;
        this.ending = ending;
        this.leaderWatch = new LeaderWatch(around.progressDeadline());
        this.trained = new Throughput(around.clock());
        record.update(run -> run.setTotalSteps(script.totalSteps()));
    }

    /**
     * Gives the run a student more; an epoch with it begins soon. The others do not wait again for
     * one that kept them waiting before: it is asked alone.
     */
    void begin(StudentSession joined) {
        if (over) {
            return;
        }
        if (students.staysAside(joined)) {
            joined.send(WorkResponse.newBuilder().setBegin(question()), epoch);
            return;
        }
        if (!students.join(joined)) {
            return;
        }
        adviseOf(joined);
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

    /** Begins an epoch: every student is asked where it stands. */
    private void regroup() {
        regrouping = false;
        forget();
        if (over || students.members().isEmpty()) {
            return;
        }
        try {
            epoch = around.epochs().getAsLong();
        } catch (MeshException e) {
            fail(e);
            return;
        }
        around.batches().begin(runId(), epoch);
        RunBegin.Builder question = question();
        for (StudentSession student : students.members()) {
            student.send(WorkResponse.newBuilder().setBegin(question), epoch);
        }
    }

    /** Returns what a student is asked for its position with. */
    private RunBegin.Builder question() {
        RunBegin.Builder begin =
                RunBegin.newBuilder()
                        .setRunId(runId())
                        .setPlan(plan)
                        .setPlanSha256(record.folder().plan().sha256())
                        .addAllImageShape(world.facts().shape().toList())
                        .setClassCount(world.facts().classCount())
                        .setNormalization(world.normalization())
                        .addAllTracks(script.tracks())
                        .setDatasetSha256(world.dataset().train().sha256());
        if (teacher != null) {
            begin.addAllTeacherTaps(teacher.match().teacherTaps())
                    .setTeacherSha256(teacher.description().getModelSha256())
                    .setTeacherClassCount(teacher.description().getClassCount());
        }
        return begin;
    }

    /** Looks at the time: nobody is waited for without limit while others could go on. */
    void beat() {
        if (over) {
            return;
        }
        goOnWithoutTheLate();
        Optional<LeaderWatch.Sight> leader = leaderWaitedFor();
        if (leaderWatch.hangs(leader, around.clock().instant())) {
            leader.ifPresent(this::leaderHangs);
        }
    }

    /** Goes on without the students that have not said in time where they stand. */
    private void goOnWithoutTheLate() {
        List<StudentSession> late =
                students.setAside(around.clock().instant(), around.positionDeadline());
        int left = students.members().size();
        for (StudentSession student : late) {
            around.recovery().lost(MeshRole.STUDENT);
            notice(
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
                fail(e);
            }
        }
    }

    /**
     * Returns the leader if everything waits for it. Of several students the others tell who is
     * missed in a step, and of one that is alone its micro-batches must be there.
     */
    private Optional<LeaderWatch.Sight> leaderWaitedFor() {
        return Optional.ofNullable(unanswered.peek())
                .or(() -> checkpointing.stream().min(Long::compare).map(RunScript.Checkpoint::new))
                .filter(item -> !(item instanceof RunScript.Step) || computesAlone(item.step()))
                .flatMap(
                        item ->
                                students.leader()
                                        .map(
                                                leader ->
                                                        new LeaderWatch.Sight(
                                                                leader,
                                                                epoch,
                                                                item,
                                                                leader.progress())));
    }

    private boolean computesAlone(long step) {
        FedStep work = fed.get(step);
        return students.roster().size() == 1 && work != null && work.complete();
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
            notice(STUDENT_HANGS, what + "; the run waits for it, nobody else is there");
            return;
        }
        MeshException cause = new MeshException(ErrorReason.DEADLINE_EXCEEDED, what);
        if (!mayEndInVain(seen.owed().step(), leader, cause)) {
            return;
        }
        around.recovery().lost(MeshRole.STUDENT);
        students.setAside(leader);
        notice(
                STUDENT_REMOVED,
                what + "; removed until it says where it stands, " + left + " go on");
        regroup();
        if (!over) {
            leader.send(WorkResponse.newBuilder().setBegin(question()), epoch);
        }
    }

    /** Students that compute differently may end in other bits than one alone. */
    private void adviseOf(StudentSession joined) {
        StudentSession first = students.members().get(0);
        boolean same =
                first.join().getThreads() == joined.join().getThreads()
                        && first.join().getPlatform().equals(joined.join().getPlatform());
        if (!same && advised.add(joined.join().getWorkerId())) {
            notice(
                    "STUDENTS_DIFFER",
                    "student %s computes with %d threads on %s, %s with %d on %s: the result may differ in its last bits"
                            .formatted(
                                    joined.join().getWorkerId(),
                                    joined.join().getThreads(),
                                    joined.join().getPlatform(),
                                    first.join().getWorkerId(),
                                    first.join().getThreads(),
                                    first.join().getPlatform()));
        }
    }

    /** Takes note of the loss of a student; the others go on without it. */
    void lost(StudentSession gone) {
        if (!students.leave(gone) || over) {
            return;
        }
        around.recovery().lost(MeshRole.STUDENT);
        int left = students.members().size();
        notice(
                "STUDENT_LOST",
                "student "
                        + gone.join().getWorkerId()
                        + " is lost; "
                        + (left == 0 ? "waiting for it" : left + " go on")
                        + " at step "
                        + (committed + 1));
        regroup();
    }

    void teacherJoined(TeacherMember member) {
        teachers.add(member);
        if (feed != null) {
            feed.join(member);
        }
    }

    void teacherLost(TeacherMember member) {
        teachers.remove(member);
        if (feed != null) {
            feed.leave(member);
        }
    }

    /** Returns what is under way. */
    MeshState.Work work() {
        return new MeshState.Work(
                runId(),
                epoch,
                fed.size(),
                feed == null ? 0 : feed.waiting(),
                unanswered.size(),
                record.rates().split());
    }

    /** Returns what a teacher does for the run. */
    MeshState.Teacher describe(TeacherMember member) {
        TeacherFeed.Queue queue =
                feed == null ? new TeacherFeed.Queue(0, 0, 0) : feed.queue(member);
        Throughput answered =
                answeredBy.getOrDefault(member.workerId(), new Throughput(around.clock()));
        return new MeshState.Teacher(
                member.workerId(),
                member.address(),
                Optional.of(runId()),
                queue.creditBytes(),
                queue.usedBytes(),
                queue.heldCount(),
                answered.cachedCount(),
                answered.computedCount(),
                answered.perSecond());
    }

    /** Returns what a student does for the run. */
    MeshState.Student describe(StudentSession student) {
        StudentGroup.Share share =
                students.roster().stream()
                        .filter(place -> place.student().equals(student))
                        .findFirst()
                        .map(StudentGroup.Place::share)
                        .orElse(new StudentGroup.Share(0, 0));
        double part = (double) (share.end() - share.first()) / plan.getMicroBatches();
        return new MeshState.Student(
                student.join().getWorkerId(),
                student.join().getAddress(),
                Optional.of(runId()),
                student.join().getThreads(),
                student.join().getPlatform(),
                students.leads(student),
                share.first(),
                share.end(),
                part * trained.perSecond());
    }

    /** Stops; the students are told. */
    void close() {
        over = true;
        forget();
        around.batches().end(runId());
        for (StudentSession student : students.connected()) {
            student.send(
                    WorkResponse.newBuilder().setEnd(RunEnd.newBuilder().setRunId(runId())), epoch);
        }
    }

    /** Takes what one of the run's students says. */
    void said(StudentSession from, WorkRequest message) {
        if (over) {
            return;
        }
        if (message.hasPosition() && students.takeBack(from)) {
            begin(from); // to be asked with the others
            return;
        }
        if (!students.has(from)) {
            return;
        }
        try {
            if (message.getEpoch() != epoch) {
                stale(from, message);
                return;
            }
            switch (message.getMessageCase()) {
                case POSITION -> answered(from, message.getPosition());
                case INTERRUPTED -> interrupted(from, message.getInterrupted());
                case FAILED -> fail(ErrorStatuses.fromStatus(message.getFailed().getStatus()));
                case STEP, EVALUATION, CHECKPOINT, TRACK -> reported(from, message);
                case JOIN, HEARTBEAT, MESSAGE_NOT_SET -> {}
            }
        } catch (MeshException e) {
            fail(e);
        }
    }

    private void stale(StudentSession from, WorkRequest message) {
        if (message.hasPosition()) {
            students.answeredLate(from, around.clock().instant());
        }
        log.refused(ErrorReason.STALE_EPOCH);
    }

    private void reported(StudentSession from, WorkRequest message) {
        if (!students.leads(from)) {
            log.refused(ErrorReason.STREAM_PROTOCOL);
            return;
        }
        switch (message.getMessageCase()) {
            case STEP -> stepped(message.getStep());
            case EVALUATION -> evaluated(message.getEvaluation());
            case CHECKPOINT -> checkpointed(message.getCheckpoint().getStep());
            case TRACK -> trackEnded(message.getTrack());
            default -> throw new IllegalArgumentException("no report: " + message);
        }
    }

    private void answered(StudentSession from, StudentPosition position) {
        long next = position.getNextStep();
        if (!students.answered(from, position)) {
            throw new MeshException(
                    ErrorReason.STREAM_PROTOCOL,
                    "position is told twice: found=" + next + ", expected=one answer to begin");
        }
        if (next < 0 || next > script.totalSteps()) {
            throw new MeshException(
                    ErrorReason.STREAM_PROTOCOL,
                    "position is not of this run: found="
                            + next
                            + ", expected=[0, "
                            + script.totalSteps()
                            + "]");
        }
        if (students.allAnswered()) {
            form();
        }
    }

    /** Everybody has told a position: the run goes on where the furthest stands. */
    private void form() {
        StudentPosition leader = students.form(plan.getMicroBatches());
        List<StudentGroup.Place> roster = students.roster();
        log.versions(leader);
        log.rosterFormed(
                script,
                epoch,
                leader.getNextStep(),
                roster.stream().map(place -> place.student().join().getWorkerId()).toList(),
                students.behind(),
                students.discarded());
        if (roster.size() > plan.getMicroBatches() && advised.add("idle " + roster.size())) {
            notice(
                    "STUDENTS_IDLE",
                    "%d students share %d micro-batches: %d compute nothing, but hold the state and a slice of the gradient; raise the plan's microBatches to use them"
                            .formatted(
                                    roster.size(),
                                    plan.getMicroBatches(),
                                    roster.size() - plan.getMicroBatches()));
        }
        for (int i = 0; i < roster.size(); i++) {
            roster.get(i)
                    .student()
                    .send(WorkResponse.newBuilder().setRoster(students.message(i)), epoch);
        }
        position(leader.getNextStep());
    }

    /** A student misses another's part. If that one is not lost by then, a new epoch begins. */
    private void interrupted(StudentSession from, StepInterrupted message) {
        MeshException cause = ErrorStatuses.fromStatus(message.getStatus());
        log.refused(cause.reason());
        if (interruptedEpoch == epoch) {
            return;
        }
        interruptedEpoch = epoch;
        if (!mayEndInVain(message.getStep(), from, cause)) {
            return;
        }
        notice(
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
                            if (epoch == interrupted && !over) {
                                regroup();
                            }
                        });
    }

    /** Counts an epoch that ends without a new step; too many in a row end the run: false. */
    private boolean mayEndInVain(long step, StudentSession by, MeshException cause) {
        boolean may = ++interruptions <= MOST_INTERRUPTIONS;
        if (!may) {
            fail(
                    new MeshException(
                            cause.reason(),
                            "students cannot work together: "
                                    + MOST_INTERRUPTIONS
                                    + " epochs without a step, the last at step "
                                    + step
                                    + " by "
                                    + by.join().getWorkerId()
                                    + ": "
                                    + cause.getMessage()));
        }
        return may;
    }

    /** Forgets what is under way. */
    private void forget() {
        if (feed != null) {
            feed.close();
            feed = null;
        }
        around.batches().begin(runId(), epoch);
        fed.values().forEach(step -> step.span.setStatus(StatusCode.ERROR, "begun anew").end());
        fed.clear();
        upcoming.clear();
        unanswered.clear();
        checkpointing.clear();
        positioned = false;
        students.ask(around.clock().instant());
    }

    private void position(long next) {
        positioned = true;
        committed = next - 1;
        nextFeed = next;
        nextScript = next;
        phaseTold = -1;
        barrier = Long.MAX_VALUE;
        log.rewind(next);
        trained.interrupted();
        RunHistory history = log.history();
        Long newest = history.steps().lowerKey(next);
        told = newest == null ? -1 : newest;
        if (next > 0) {
            upcoming.addAll(log.unfinished(script, next - 1));
            if (log.phaseEndedAt(script, next - 1)) {
                phaseTold = next - 1;
                nextScript = script.nextPhase(next - 1).orElse(script.totalSteps());
                nextFeed = nextScript;
            }
        }
        boolean reached = restorePlateau(history, next);
        if (teacher != null) {
            feed =
                    new TeacherFeed(
                            new TeacherFeed.RunExecutionContext(
                                    runId(),
                                    plan,
                                    world,
                                    teacher,
                                    around.loop(),
                                    around.batches().memory(),
                                    around.security(),
                                    around.stallTimeout()),
                            this,
                            epoch);
            teachers.forEach(feed::join);
        }
        if (reached && phaseTold != committed) {
            endPhaseEarly();
            endPhase(committed);
        }
        pump();
    }

    /**
     * A phase that may end early goes on with the agreement that the journal knows; returns whether
     * it is at its plateau.
     */
    private boolean restorePlateau(RunHistory history, long next) {
        plateau = null;
        if (next >= script.totalSteps() || next == 0) {
            return false;
        }
        RunScript.Place place = script.place(next);
        boolean reached = false;
        for (Map.Entry<Long, StepCommitted> step :
                history.steps().subMap(place.phase().getStartStep(), next).entrySet()) {
            reached = plateauAfter(step.getKey(), step.getValue().getAgreementList());
        }
        return reached && told == next - 1;
    }

    private void pump() {
        if (!positioned || over) {
            return;
        }
        try {
            feedAhead();
            assign();
            if (upcoming.isEmpty()
                    && unanswered.isEmpty()
                    && checkpointing.isEmpty()
                    && nextScript >= script.totalSteps()) {
                ending.succeeded();
            }
        } catch (MeshException e) {
            fail(e);
        }
    }

    private void feedAhead() {
        int window = prefetch() + FEED_AHEAD;
        while (nextFeed < script.totalSteps()
                && fed.size() < window
                && (feed == null || feed.waiting() == 0)) {
            long step = nextFeed++;
            FedStep work =
                    new FedStep(plan.getMicroBatches(), around.sampling().begin(runId(), step));
            fed.put(step, work);
            RunScript.Place place = script.place(step);
            long ofTrack = place.stepOfTrack(step);
            PhasePlan phase = place.phase().getPhase();
            boolean needsTeacher = PlanNeeds.teacher(phase);
            boolean measured = step == place.phase().getStartStep() && PlanNeeds.taps(phase);
            int samples = plan.getBatch() / plan.getMicroBatches();
            for (int micro = 0; micro < plan.getMicroBatches(); micro++) {
                int number = micro;
                if (needsTeacher) {
                    teacherFeed()
                            .offer(
                                    new MicroKey(step, micro),
                                    phase,
                                    samples,
                                    measured,
                                    StepTracing.traceParent(work.span),
                                    () -> world.schedule().microBatch(ofTrack, number));
                } else {
                    String batchId =
                            around.batches()
                                    .offer(
                                            runId(),
                                            epoch,
                                            step + "/" + micro,
                                            world.bytes(samples),
                                            () -> world.schedule().microBatch(ofTrack, number));
                    work.ready[micro] = reference(batchId, around.ownAddress(), samples);
                }
            }
        }
    }

    private TeacherFeed teacherFeed() {
        if (feed == null) {
            throw new MeshException(
                    ErrorReason.INVALID_PLAN, "a phase needs a teacher and the plan has none");
        }
        return feed;
    }

    /**
     * Assigns as much as the student wants. A step waits for the evaluation or the end of a track
     * before it: an answer that is lost can be had again only while the parameters are those of its
     * step.
     */
    private void assign() {
        while (unanswered.size() < prefetch()) {
            if (upcoming.isEmpty()) {
                if (nextScript >= script.totalSteps()
                        || (barrier != Long.MAX_VALUE && committed < barrier)) {
                    return;
                }
                upcoming.addAll(script.items(nextScript));
                if (script.decides(nextScript)) {
                    barrier = nextScript;
                }
                nextScript++;
            }
            Item item = upcoming.peek();
            if (item instanceof RunScript.Step
                    && !unanswered.stream().allMatch(RunScript.Step.class::isInstance)) {
                return;
            }
            if (item instanceof RunScript.Step step) {
                FedStep work = fed.get(step.step());
                if (work == null || !work.complete()) {
                    return;
                }
                startPhase(step.step());
                work.assigned = true;
                send(step.step(), work);
            } else if (item instanceof RunScript.Evaluate evaluate) {
                sendEvaluation(evaluate.step());
            } else if (item instanceof RunScript.Checkpoint) {
                checkpointing.add(item.step());
                toLeader(
                        WorkResponse.newBuilder()
                                .setCheckpoint(CheckpointRequest.newBuilder().setRunId(runId())));
            } else if (item instanceof RunScript.EndTrack end) {
                toLeader(
                        WorkResponse.newBuilder()
                                .setTrackEnd(
                                        TrackEnd.newBuilder()
                                                .setRunId(runId())
                                                .setTrack(end.track())));
            }
            upcoming.remove();
            if (!(item instanceof RunScript.Checkpoint)) {
                unanswered.add(item);
            }
        }
    }

    private void startPhase(long step) {
        RunScript.Place place = script.place(step);
        if (step == place.phase().getStartStep()) {
            log.phaseStarted(place, teacher);
            UntilPlan until = place.phase().getPhase().getUntil();
            plateau = Plateau.mayEnd(until) ? new Plateau(until) : null;
        }
    }

    private void send(long step, FedStep work) {
        for (StudentGroup.Place place : students.roster()) {
            send(step, work, place);
        }
    }

    private void send(long step, FedStep work, StudentGroup.Place place) {
        StepAssignment.Builder assignment =
                StepAssignment.newBuilder()
                        .setRunId(runId())
                        .setStep(step)
                        .setTraceParent(StepTracing.traceParent(work.span));
        for (int micro = place.share().first(); micro < place.share().end(); micro++) {
            BatchReference reference = work.ready[micro];
            if (reference == null) {
                return;
            }
            assignment.addMicroBatches(reference);
        }
        place.student().send(WorkResponse.newBuilder().setStep(assignment), epoch);
    }

    private void sendEvaluation(long step) {
        EvaluationAssignment.Builder assignment =
                EvaluationAssignment.newBuilder().setRunId(runId()).setEvaluationId(step);
        for (int i = 0; i < world.test().count(); i++) {
            int number = i;
            int size =
                    Math.min(
                            log.evaluationBatch(),
                            world.facts().testCount() - i * log.evaluationBatch());
            String batchId =
                    around.batches()
                            .offer(
                                    runId(),
                                    epoch,
                                    "test/" + i,
                                    world.bytes(size),
                                    () -> world.test().batch(number));
            assignment.addBatches(reference(batchId, around.ownAddress(), size));
        }
        toLeader(WorkResponse.newBuilder().setEvaluate(assignment));
    }

    private void stepped(StepReport report) {
        if (report.getStep() <= committed) {
            late(report);
            return;
        }
        answered(RunScript.Step.class, report.getStep());
        committed = report.getStep();
        record.rates().stepped(report, plan.getBatch());
        trained.add(0, plan.getBatch());
        told = committed;
        interruptions = 0;
        FedStep work = fed.remove(committed);
        if (work != null) {
            log.committed(report, work.cached, work.computed, trained.perSecond());
            work.span.end();
        }
        around.recovery().committed();
        for (int micro = 0; micro < plan.getMicroBatches(); micro++) {
            around.batches().release(runId(), epoch, committed + "/" + micro);
            if (feed != null) {
                feed.release(new MicroKey(committed, micro));
            }
        }
        if (report.hasScaleChoice()) {
            chosen(report.getScaleChoice());
        }
        if (plateauAfter(committed, report.getAgreementList())) {
            endPhaseEarly();
        }
        if (committed >= barrier) {
            barrier = Long.MAX_VALUE;
        }
        endPhase(committed);
        pump();
    }

    /**
     * A student that kept its place tells its newest steps behind its position, since a coordinator
     * that was started again may not have heard of them.
     */
    private void late(StepReport report) {
        long step = report.getStep();
        if (step <= told) {
            return;
        }
        told = step;
        log.committed(report, 0, 0, trained.perSecond());
        if (report.hasScaleChoice()) {
            chosen(report.getScaleChoice());
        }
        boolean inPhase =
                committed + 1 < script.totalSteps()
                        && script.place(committed + 1).phase().getStartStep()
                                == script.place(step).phase().getStartStep();
        boolean reached = inPhase && plateauAfter(step, report.getAgreementList());
        boolean moving = unanswered.stream().anyMatch(RunScript.Step.class::isInstance);
        if (reached && step == committed && !moving) {
            endPhaseEarly();
        }
        endPhase(step);
        pump();
    }

    private void chosen(ScaleChoice choice) {
        List<String> tried = new ArrayList<>();
        for (int i = 0; i < choice.getAgreementsCount(); i++) {
            tried.add(
                    String.format(
                            Locale.ROOT,
                            "%.0f: %.1f %%",
                            ProbedScale.SCALES.get(i),
                            100 * choice.getAgreements(i)));
        }
        String found =
                String.format(
                        Locale.ROOT,
                        "scale of the boundary loss is %.0f; agreement with the teacher at each scale tried: %s",
                        choice.getScale(),
                        String.join(", ", tried));
        notice("SCALE_CHOSEN", found);
        if (choice.getAgreementsList().stream().allMatch(agreement -> agreement < CHANCE)) {
            notice(
                    "AGREEMENT_AT_CHANCE",
                    "no scale brought the student closer to the teacher than chance; check that the taps pair up");
        }
    }

    /** Takes note that a phase is over, unless an evaluation is still to come. */
    private void endPhase(long step) {
        if (endsPhase(step) && !evaluates(step)) {
            log.phaseEnded(script, step);
        }
    }

    private boolean plateauAfter(long step, List<Double> agreement) {
        UntilPlan until = script.place(step).phase().getPhase().getUntil();
        if (!Plateau.mayEnd(until)) {
            return false;
        }
        if (plateau == null) {
            plateau = new Plateau(until);
        }
        plateau.add(agreement);
        return script.decides(step) && plateau.endEpoch();
    }

    /** The steps that are left of the phase are not computed; their numbers stay unused. */
    private void endPhaseEarly() {
        notice(
                "PHASE_PLATEAU",
                "boundary agreement no longer rises or is as high as wanted: phase "
                        + script.place(committed).phase().getPhase().getName()
                        + " ends after step "
                        + committed);
        phaseEnd = committed;
        upcoming.clear();
        upcoming.addAll(script.endOfPhase(committed));
        long next = script.nextPhase(committed).orElse(script.totalSteps());
        nextScript = next;
        for (Iterator<Map.Entry<Long, FedStep>> steps = fed.entrySet().iterator();
                steps.hasNext(); ) {
            Map.Entry<Long, FedStep> step = steps.next();
            if (step.getKey() < next) {
                step.getValue().span.end();
                for (int micro = 0; micro < plan.getMicroBatches(); micro++) {
                    teacherFeed().release(new MicroKey(step.getKey(), micro));
                }
                steps.remove();
            }
        }
        nextFeed = Math.max(nextFeed, next);
    }

    private void evaluated(EvaluationReport report) {
        answered(RunScript.Evaluate.class, report.getEvaluationId());
        around.batches().releaseAll(runId(), epoch, "test/");
        log.evaluated(script, report);
        if (endsPhase(report.getEvaluationId()) && report.getEvaluationId() != phaseTold) {
            log.phaseEnded(script, report.getEvaluationId());
        }
        pump();
    }

    private void trackEnded(TrackReport report) {
        answered(RunScript.EndTrack.class, committed);
        log.trackEnded(report);
        pump();
    }

    /** Takes the oldest unanswered assignment, which the report must be of. */
    private void answered(Class<? extends Item> kind, long step) {
        Item item = unanswered.peek();
        if (!kind.isInstance(item) || item == null || item.step() != step) {
            throw new MeshException(
                    ErrorReason.STREAM_PROTOCOL,
                    "report is of another assignment: found="
                            + kind.getSimpleName()
                            + " "
                            + step
                            + ", expected="
                            + item);
        }
        unanswered.remove();
    }

    /** Checkpoints are written while training goes on, so their reports come between others. */
    private void checkpointed(long step) {
        checkpointing.remove(step);
        pump();
    }

    private boolean endsPhase(long step) {
        return step == phaseEnd || script.place(step).lastOfPhase(step);
    }

    /** Returns whether an evaluation follows the step, behind which alone its phase is over. */
    private boolean evaluates(long step) {
        List<Item> behind = step == phaseEnd ? script.endOfPhase(step) : script.items(step);
        return behind.stream().anyMatch(item -> item instanceof RunScript.Evaluate);
    }

    @Override
    public void ready(MicroKey key, String batchId, TeacherMember teacher, BatchReady ready) {
        answeredBy
                .computeIfAbsent(teacher.workerId(), name -> new Throughput(around.clock()))
                .add(ready.getCachedCount(), ready.getComputedCount());
        FedStep work = fed.get(key.step());
        if (work == null) {
            return;
        }
        work.ready[key.micro()] =
                reference(batchId, teacher.address(), plan.getBatch() / plan.getMicroBatches());
        record.rates().ready(ready);
        work.cached += ready.getCachedCount();
        work.computed += ready.getComputedCount();
        if (ready.getFiringsCount() > 0) {
            work.firings.put(key.micro(), ready.getFiringsList());
            if (work.firings.size() == plan.getMicroBatches()
                    && !healthy(script.place(key.step()).phase().getPhase(), work)) {
                return;
            }
        }
        if (work.assigned) {
            students.roster().stream()
                    .filter(place -> place.share().has(key.micro()))
                    .forEach(place -> send(key.step(), work, place));
        }
        pump();
    }

    /**
     * Tells of taps that say little, before the phase begins; returns whether the phase can learn
     * from them.
     */
    private boolean healthy(PhasePlan phase, FedStep first) {
        int samples = plan.getBatch() / plan.getMicroBatches();
        List<String> taps =
                teacher == null
                        ? List.of()
                        : teacher.match().teacherTaps().stream()
                                .map(TapDescription::getName)
                                .toList();
        Set<Integer> signs = PlanNeeds.signs(phase, taps.size());
        for (TapHealth tap : TapHealth.of(first.firings.values(), samples)) {
            if (signs.contains(taps.indexOf(tap.tap()))) {
                try {
                    tap.requireBoundary();
                } catch (MeshException e) {
                    fail(e);
                    return false;
                }
            }
            tap.warning()
                    .filter(advised::add)
                    .ifPresent(message -> notice("TAP_UNBALANCED", message));
        }
        return true;
    }

    @Override
    public void lost(MicroKey key) {
        FedStep work = fed.get(key.step());
        if (work != null) {
            work.ready[key.micro()] = null;
            around.recovery().lost(MeshRole.TEACHER);
        }
    }

    @Override
    public void credited() {
        pump();
    }

    @Override
    public void failed(MeshException cause) {
        fail(cause);
    }

    @Override
    public void notice(String reason, String message) {
        try {
            log.notice(reason, message);
        } catch (MeshException e) {
            fail(e);
        }
    }

    private void fail(MeshException cause) {
        if (!over) {
            ending.failed(cause);
        }
    }

    private void toLeader(WorkResponse.Builder message) {
        students.leader().ifPresent(leader -> leader.send(message, epoch));
    }

    private int prefetch() {
        return students.prefetch();
    }

    private String runId() {
        return record.folder().runId();
    }

    private static BatchReference reference(String batchId, String address, int samples) {
        return BatchReference.newBuilder()
                .setBatchId(batchId)
                .setAddress(address)
                .setSampleCount(samples)
                .build();
    }
}
