package io.abmesh.coordinator.run;

import io.abmesh.coordinator.batch.LazyBatches;
import io.abmesh.coordinator.plan.PlanNeeds;
import io.abmesh.coordinator.run.RunScript.Item;
import io.abmesh.coordinator.run.TeacherFeed.MicroKey;
import io.abmesh.coordinator.worker.StudentSession;
import io.abmesh.coordinator.worker.TeacherMember;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.BatchReady;
import io.abmesh.proto.v1.BatchReference;
import io.abmesh.proto.v1.CheckpointRequest;
import io.abmesh.proto.v1.EvaluationAssignment;
import io.abmesh.proto.v1.EvaluationReport;
import io.abmesh.proto.v1.Plan;
import io.abmesh.proto.v1.RunBegin;
import io.abmesh.proto.v1.RunEnd;
import io.abmesh.proto.v1.StepAssignment;
import io.abmesh.proto.v1.StepCommitted;
import io.abmesh.proto.v1.StepReport;
import io.abmesh.proto.v1.TrackEnd;
import io.abmesh.proto.v1.TrackReport;
import io.abmesh.proto.v1.WorkRequest;
import io.abmesh.proto.v1.WorkResponse;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Drives one run: keeps micro-batches under way to teachers, assigns what is ready to the student
 * in the order of the script, and commits what the student reports. On the coordinator's loop.
 *
 * <p>Everything that is not committed is a pure function of the plan and the position, so losing
 * the student means to forget what was under way and to start again at the position that it tells
 * when it is back.
 */
final class RunExecution implements TeacherFeed.Listener {
    /** Steps that are fed beyond those that the student wants unanswered. */
    private static final int FEED_AHEAD = 2;

    /** What the execution needs around it. */
    record Surroundings(
            Loop loop,
            LazyBatches batches,
            LongSupplier epochs,
            String ownAddress,
            Duration stallTimeout) {}

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
        private boolean assigned;
        private int cached;
        private int computed;

        FedStep(int microBatches) {
            ready = new BatchReference[microBatches];
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
    private @Nullable StudentSession student;
    private @Nullable TeacherFeed feed;
    private @Nullable Plateau plateau;
    private boolean positioned;
    private boolean over;
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
        record.update(run -> run.setTotalSteps(script.totalSteps()));
    }

    /** Gives the run a student; it is told to begin. */
    void begin(StudentSession joined) {
        if (student != null || over) {
            return;
        }
        try {
            epoch = around.epochs().getAsLong();
        } catch (MeshException e) {
            fail(e);
            return;
        }
        around.batches().begin(runId(), epoch);
        student = joined;
        positioned = false;
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
                    .setTeacherSha256(teacher.description().getModelSha256());
        }
        joined.send(WorkResponse.newBuilder().setBegin(begin), epoch);
    }

    /** Takes note of the loss of the run's student; returns whether it was this run's. */
    boolean lost(StudentSession gone) {
        if (!gone.equals(student)) {
            return false;
        }
        student = null;
        forget();
        notice(
                "STUDENT_LOST",
                "student "
                        + gone.join().getWorkerId()
                        + " is lost; waiting for it at step "
                        + (committed + 1));
        return true;
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

    /** Stops; the student is told. */
    void close() {
        over = true;
        forget();
        around.batches().end(runId());
        if (student != null) {
            student.send(
                    WorkResponse.newBuilder().setEnd(RunEnd.newBuilder().setRunId(runId())), epoch);
        }
    }

    /** Takes what the run's student says. */
    void said(StudentSession from, WorkRequest message) {
        if (!from.equals(student) || over) {
            return;
        }
        if (message.getEpoch() != epoch) {
            log.refused();
            return;
        }
        try {
            switch (message.getMessageCase()) {
                case POSITION -> {
                    log.versions(message.getPosition());
                    position(message.getPosition().getNextStep());
                }
                case STEP -> stepped(message.getStep());
                case EVALUATION -> evaluated(message.getEvaluation());
                case CHECKPOINT -> checkpointed(message.getCheckpoint().getStep());
                case TRACK -> trackEnded(message.getTrack());
                case FAILED -> fail(ErrorStatuses.fromStatus(message.getFailed().getStatus()));
                case JOIN, HEARTBEAT, MESSAGE_NOT_SET -> {}
            }
        } catch (MeshException e) {
            fail(e);
        }
    }

    /** Forgets what is under way. */
    private void forget() {
        if (feed != null) {
            feed.close();
            feed = null;
        }
        around.batches().begin(runId(), epoch);
        fed.clear();
        upcoming.clear();
        unanswered.clear();
        checkpointing.clear();
        positioned = false;
    }

    private void position(long next) {
        if (positioned) {
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
        forget();
        positioned = true;
        committed = next - 1;
        nextFeed = next;
        nextScript = next;
        phaseTold = -1;
        barrier = Long.MAX_VALUE;
        log.rewind(next);
        RunHistory history = log.history();
        Long newest = history.steps().lowerKey(next);
        told = newest == null ? -1 : newest;
        record.update(run -> run.setCommittedStep(committed));
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
        if (!positioned || over || student == null) {
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
            FedStep work = new FedStep(plan.getMicroBatches());
            fed.put(step, work);
            RunScript.Place place = script.place(step);
            long ofTrack = place.stepOfTrack(step);
            boolean needsTeacher = PlanNeeds.teacher(place.phase().getPhase());
            int samples = plan.getBatch() / plan.getMicroBatches();
            for (int micro = 0; micro < plan.getMicroBatches(); micro++) {
                int number = micro;
                if (needsTeacher) {
                    teacherFeed()
                            .offer(
                                    new MicroKey(step, micro),
                                    TeacherFeed.Need.of(place.phase().getPhase()),
                                    samples,
                                    () -> world.schedule().microBatch(ofTrack, number));
                } else {
                    String batchId =
                            around.batches()
                                    .offer(
                                            runId(),
                                            epoch,
                                            step + "/" + micro,
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
                toStudent(
                        WorkResponse.newBuilder()
                                .setCheckpoint(CheckpointRequest.newBuilder().setRunId(runId())));
            } else if (item instanceof RunScript.EndTrack end) {
                toStudent(
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
            int patience = place.phase().getPhase().getUntil().getPlateauEpochs();
            plateau = patience > 0 ? new Plateau(patience) : null;
        }
    }

    private void send(long step, FedStep work) {
        StepAssignment.Builder assignment =
                StepAssignment.newBuilder().setRunId(runId()).setStep(step);
        for (BatchReference reference : work.ready) {
            if (reference != null) {
                assignment.addMicroBatches(reference);
            }
        }
        toStudent(WorkResponse.newBuilder().setStep(assignment));
    }

    private void sendEvaluation(long step) {
        EvaluationAssignment.Builder assignment =
                EvaluationAssignment.newBuilder().setRunId(runId()).setEvaluationId(step);
        for (int i = 0; i < world.test().count(); i++) {
            int number = i;
            String batchId =
                    around.batches()
                            .offer(runId(), epoch, "test/" + i, () -> world.test().batch(number));
            int size =
                    Math.min(
                            log.evaluationBatch(),
                            world.facts().testCount() - i * log.evaluationBatch());
            assignment.addBatches(reference(batchId, around.ownAddress(), size));
        }
        toStudent(WorkResponse.newBuilder().setEvaluate(assignment));
    }

    private void stepped(StepReport report) {
        if (report.getStep() <= committed) {
            late(report);
            return;
        }
        answered(RunScript.Step.class, report.getStep());
        committed = report.getStep();
        record.rates().stepped(report, plan.getBatch());
        told = committed;
        FedStep work = fed.remove(committed);
        if (work != null) {
            log.committed(script, report, work.cached, work.computed);
        }
        for (int micro = 0; micro < plan.getMicroBatches(); micro++) {
            around.batches().release(runId(), epoch, committed + "/" + micro);
            if (feed != null) {
                feed.release(new MicroKey(committed, micro));
            }
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
        log.committed(script, report, 0, 0);
        record.update(run -> run.setCommittedStep(committed));
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

    /** Takes note that a phase is over, unless an evaluation is still to come. */
    private void endPhase(long step) {
        if (endsPhase(step) && !evaluates(step)) {
            log.phaseEnded(script, step);
        }
    }

    private boolean plateauAfter(long step, List<Double> agreement) {
        int patience = script.place(step).phase().getPhase().getUntil().getPlateauEpochs();
        if (patience == 0) {
            return false;
        }
        if (plateau == null) {
            plateau = new Plateau(patience);
        }
        plateau.add(agreement);
        return script.decides(step) && plateau.endEpoch();
    }

    /** The steps that are left of the phase are not computed; their numbers stay unused. */
    private void endPhaseEarly() {
        notice(
                "PHASE_PLATEAU",
                "boundary agreement no longer rises: phase "
                        + script.place(committed).phase().getPhase().getName()
                        + " ends after step "
                        + committed);
        phaseEnd = committed;
        upcoming.clear();
        upcoming.addAll(script.endOfPhase(committed));
        long next = script.nextPhase(committed).orElse(script.totalSteps());
        nextScript = next;
        for (Iterator<Long> steps = fed.keySet().iterator(); steps.hasNext(); ) {
            long step = steps.next();
            if (step < next) {
                for (int micro = 0; micro < plan.getMicroBatches(); micro++) {
                    teacherFeed().release(new MicroKey(step, micro));
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
    public void ready(MicroKey key, String batchId, String address, BatchReady ready) {
        FedStep work = fed.get(key.step());
        if (work == null) {
            return;
        }
        work.ready[key.micro()] =
                reference(batchId, address, plan.getBatch() / plan.getMicroBatches());
        record.rates().ready(ready);
        work.cached += ready.getCachedCount();
        work.computed += ready.getComputedCount();
        if (work.assigned && work.complete()) {
            send(key.step(), work);
        }
        pump();
    }

    @Override
    public void lost(MicroKey key) {
        FedStep work = fed.get(key.step());
        if (work != null) {
            work.ready[key.micro()] = null;
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

    private void toStudent(WorkResponse.Builder message) {
        if (student != null) {
            student.send(message, epoch);
        }
    }

    private int prefetch() {
        return student == null ? 1 : student.join().getPrefetch();
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
