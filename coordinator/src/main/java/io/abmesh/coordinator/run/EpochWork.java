package io.abmesh.coordinator.run;

import io.abmesh.coordinator.plan.PlanNeeds;
import io.abmesh.coordinator.run.RunScript.Item;
import io.abmesh.coordinator.run.TeacherFeed.MicroKey;
import io.abmesh.coordinator.worker.TeacherMember;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.identity.MeshRole;
import io.abmesh.proto.v1.BatchReady;
import io.abmesh.proto.v1.BatchReference;
import io.abmesh.proto.v1.EvaluationReport;
import io.abmesh.proto.v1.StepReport;
import io.abmesh.proto.v1.TapDescription;
import io.abmesh.proto.v1.TapFirings;
import io.abmesh.proto.v1.TrackReport;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * What the students of one membership epoch do, from the position of the furthest on: steps are
 * fed, what is ready is assigned in the order of the script, and what the leader reports is
 * committed. It ends with its epoch; whatever is not committed then is begun anew by the next. On
 * the coordinator's loop.
 */
final class EpochWork implements TeacherFeed.Listener {
    /** Steps that are fed beyond those that the students want unanswered. */
    private static final int FEED_AHEAD = 2;

    /** Place of the batches of evaluations. */
    private static final String TEST = "test/";

    /** What becomes of the epoch. */
    interface Listener extends Notices {
        /** The students have got a step further. */
        void committed();

        /** All of the script is done. */
        void succeeded();

        /** A named error ended it. */
        void failed(MeshException cause);
    }

    private final OpenedRun run;
    private final RunExecution.Surroundings around;
    private final RunPace pace;
    private final RunAdvice advice;
    private final EpochTeam team;
    private final Listener listener;
    private final ServedBatches served;
    private final FedSteps steps;
    private final Assignments assignments;
    private final PhaseProgress phases;

    /** Whether the journal says that the phase before the position shall end there. */
    private final boolean atPlateau;

    /** Newest step that the journal has. */
    private long told;

    private boolean closed;

    /**
     * Stands at a position, of which the journal says what is unfinished behind it.
     *
     * @param next step of the position
     * @throws MeshException STORE_FULL if the run's folder cannot be read or written
     */
    EpochWork(
            OpenedRun run,
            RunExecution.Surroundings around,
            RunPace pace,
            RunAdvice advice,
            EpochTeam team,
            long next,
            Listener listener) {
        this.run = run;
        this.around = around;
        this.pace = pace;
        this.advice = advice;
        this.team = team;
        this.listener = listener;
        RunLog log = run.log();
        RunScript script = run.script();
        log.rewind(next);
        boolean phaseOver = next > 0 && log.phaseEndedAt(script, next - 1);
        long following = phaseOver ? script.nextPhase(next - 1).orElse(script.totalSteps()) : next;
        this.assignments =
                new Assignments(
                        script,
                        next - 1,
                        next > 0 ? log.unfinished(script, next - 1) : List.of(),
                        following);
        this.phases = new PhaseProgress(script, phaseOver ? next - 1 : -1);
        RunHistory history = log.history();
        Long newest = history.steps().lowerKey(next);
        this.told = newest == null ? -1 : newest;
        boolean reached = phases.resume(history, next);
        this.atPlateau = reached && told == next - 1 && !phaseOver;
        this.served = new ServedBatches(run, around.batches(), team.epoch(), around.ownAddress());
        this.steps =
                new FedSteps(
                        run,
                        around.sampling(),
                        served,
                        run.teacher() == null ? null : feed(run.teacher()),
                        following);
    }

    private TeacherFeed feed(RunWorld.Teacher teacher) {
        return new TeacherFeed(run, teacher, around, this, team.epoch());
    }

    /** Begins to feed and to assign. */
    void begin(List<TeacherMember> teachers) {
        pace.interrupted();
        teachers.forEach(steps::join);
        if (atPlateau) {
            endPhaseEarly();
            endPhase(assignments.committed());
        }
        pump();
    }

    void teacherJoined(TeacherMember member) {
        if (!closed) {
            steps.join(member);
        }
    }

    void teacherLost(TeacherMember member) {
        steps.leave(member);
    }

    /** Looks at the time. */
    void beat() {
        if (!closed) {
            steps.beat();
        }
    }

    /** The epoch is over; what is under way is forgotten, and its students are told nothing. */
    void close() {
        closed = true;
        steps.close();
        assignments.close();
    }

    /** Returns the last step that is committed; -1 before the first. */
    long committed() {
        return assignments.committed();
    }

    /** Returns the steps that are fed or assigned and not committed. */
    int stepsUnderWay() {
        return steps.count();
    }

    /** Returns the micro-batches that wait for a teacher's credit. */
    int waitingMicroBatches() {
        return steps.waiting();
    }

    /** Returns the assignments that the students have not answered. */
    int unanswered() {
        return assignments.unanswered();
    }

    /** Returns what a teacher has to do for the run. */
    TeacherFeed.Queue queue(TeacherMember member) {
        return steps.queue(member);
    }

    /**
     * Returns what waits for nobody but the leader. Of several students the others tell who is
     * missed in a step, and of one that is alone its micro-batches must be there.
     */
    Optional<Item> owedByLeader() {
        return assignments
                .oldest()
                .filter(item -> !(item instanceof RunScript.Step) || computesAlone(item.step()));
    }

    private boolean computesAlone(long step) {
        return team.roster().size() == 1 && steps.step(step).filter(FedStep::complete).isPresent();
    }

    private void pump() {
        if (closed) {
            return;
        }
        try {
            steps.feed(team.prefetch() + FEED_AHEAD);
            assign();
            if (assignments.done()) {
                listener.succeeded();
            }
        } catch (MeshException e) {
            listener.failed(e);
        }
    }

    /** Assigns as much as the students want and as is ready. */
    private void assign() {
        Optional<Item> next = assignments.next(team.prefetch());
        while (next.isPresent() && give(next.get())) {
            assignments.given();
            next = assignments.next(team.prefetch());
        }
    }

    /** Returns false if it is not ready. */
    private boolean give(Item item) {
        if (item instanceof RunScript.Step step) {
            Optional<FedStep> work = steps.step(step.step()).filter(FedStep::complete);
            work.ifPresent(ready -> train(step.step(), ready));
            return work.isPresent();
        }
        if (item instanceof RunScript.Evaluate evaluate) {
            team.evaluate(evaluate.step(), testBatches());
        } else if (item instanceof RunScript.Checkpoint) {
            team.writeCheckpoint();
        } else if (item instanceof RunScript.EndTrack end) {
            team.endTrack(end.track());
        }
        return true;
    }

    private void train(long step, FedStep work) {
        RunScript.Place place = run.script().place(step);
        if (step == place.phase().getStartStep()) {
            run.log().phaseStarted(place, run.teacher());
        }
        work.assign();
        team.train(step, work);
    }

    private List<BatchReference> testBatches() {
        List<BatchReference> batches = new ArrayList<>();
        RunWorld world = run.world();
        int samples = run.log().evaluationBatch();
        for (int i = 0; i < world.test().count(); i++) {
            int number = i;
            batches.add(
                    served.offer(
                            TEST + i,
                            Math.min(samples, world.facts().testCount() - i * samples),
                            () -> world.test().batch(number)));
        }
        return batches;
    }

    /**
     * Takes the leader's report of a step.
     *
     * @throws MeshException STREAM_PROTOCOL if another is expected; STORE_FULL
     */
    void stepped(StepReport report) {
        long step = report.getStep();
        if (step <= assignments.committed()) {
            late(report);
            return;
        }
        assignments.trained(step);
        run.record().rates().stepped(report, run.plan().getBatch());
        pace.trained(run.plan().getBatch());
        told = step;
        listener.committed();
        FedStep work = steps.take(step);
        run.log().committed(report, work.cached(), work.computed(), pace.trainedPerSecond());
        work.end();
        around.recovery().committed();
        steps.release(step);
        if (report.hasScaleChoice()) {
            advice.scaleChosen(report.getScaleChoice());
        }
        if (phases.reached(step, report.getAgreementList())) {
            endPhaseEarly();
        }
        endPhase(step);
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
        run.log().committed(report, 0, 0, pace.trainedPerSecond());
        if (report.hasScaleChoice()) {
            advice.scaleChosen(report.getScaleChoice());
        }
        long committed = assignments.committed();
        boolean reached =
                inPhaseOf(committed + 1, step) && phases.reached(step, report.getAgreementList());
        if (reached && step == committed && !assignments.training()) {
            endPhaseEarly();
        }
        endPhase(step);
        pump();
    }

    private boolean inPhaseOf(long next, long step) {
        RunScript script = run.script();
        return next < script.totalSteps()
                && script.place(next).phase().getStartStep()
                        == script.place(step).phase().getStartStep();
    }

    /** The steps that are left of the phase are not computed; their numbers stay unused. */
    private void endPhaseEarly() {
        long last = assignments.committed();
        notice(
                "PHASE_PLATEAU",
                "boundary agreement no longer rises or is as high as wanted: phase "
                        + run.script().place(last).phase().getPhase().getName()
                        + " ends after step "
                        + last);
        phases.endedEarly(last);
        steps.skipTo(assignments.endPhaseEarly());
    }

    /** Takes note that a phase is over, unless an evaluation is still to come. */
    private void endPhase(long step) {
        if (phases.overWithStep(step)) {
            run.log().phaseEnded(run.script(), step);
        }
    }

    /**
     * Takes the leader's report of an evaluation.
     *
     * @throws MeshException STREAM_PROTOCOL if another is expected; STORE_FULL
     */
    void evaluated(EvaluationReport report) {
        long step = report.getEvaluationId();
        assignments.evaluated(step);
        served.releaseAll(TEST);
        run.log().evaluated(run.script(), report);
        if (phases.overWithEvaluation(step)) {
            run.log().phaseEnded(run.script(), step);
        }
        pump();
    }

    /**
     * Takes the leader's report of the end of a track.
     *
     * @throws MeshException STREAM_PROTOCOL if another is expected; STORE_FULL
     */
    void trackEnded(TrackReport report) {
        assignments.trackEnded();
        run.log().trackEnded(report);
        pump();
    }

    /** Takes the leader's report of a checkpoint. */
    void checkpointed(long step) {
        assignments.checkpointed(step);
        pump();
    }

    @Override
    public void ready(MicroKey key, String batchId, TeacherMember teacher, BatchReady ready) {
        pace.answered(teacher.workerId(), ready);
        steps.answered(key, batchId, teacher, ready).ifPresent(work -> ready(key, work, ready));
    }

    private void ready(MicroKey key, FedStep work, BatchReady ready) {
        run.record().rates().ready(ready);
        if (ready.getFiringsCount() > 0) {
            try {
                work.firings().ifPresent(firings -> checkTaps(key.step(), firings));
            } catch (MeshException e) {
                listener.failed(e);
                return;
            }
        }
        if (work.assigned() && !closed) {
            team.trainAgain(key.step(), work, key.micro());
        }
        pump();
    }

    /**
     * Tells of taps that say little, before a phase begins.
     *
     * @throws MeshException TAP_WITHOUT_BOUNDARY if the phase cannot learn from one
     */
    private void checkTaps(long step, Collection<List<TapFirings>> firings) {
        RunWorld.Teacher teacher = run.teacher();
        List<String> taps =
                teacher == null
                        ? List.of()
                        : teacher.match().teacherTaps().stream()
                                .map(TapDescription::getName)
                                .toList();
        Set<Integer> signs =
                PlanNeeds.signs(run.script().place(step).phase().getPhase(), taps.size());
        for (TapHealth tap : TapHealth.of(firings, run.microBatchSamples())) {
            if (signs.contains(taps.indexOf(tap.tap()))) {
                tap.requireBoundary();
            }
            advice.tapMeasured(tap);
        }
    }

    @Override
    public void lost(MicroKey key) {
        steps.step(key.step())
                .ifPresent(
                        work -> {
                            work.lost(key.micro());
                            around.recovery().lost(MeshRole.TEACHER);
                        });
    }

    @Override
    public void credited() {
        pump();
    }

    @Override
    public void failed(MeshException cause) {
        listener.failed(cause);
    }

    @Override
    public void notice(String reason, String message) {
        listener.notice(reason, message);
    }
}
