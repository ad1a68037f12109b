package io.abmesh.coordinator.run;

import io.abmesh.coordinator.plan.PlanNeeds;
import io.abmesh.coordinator.run.TeacherFeed.MicroKey;
import io.abmesh.coordinator.worker.TeacherMember;
import io.abmesh.data.schedule.MicroBatch;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.BatchReady;
import io.abmesh.proto.v1.PhasePlan;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The steps of an epoch that are on their way: fed in the order of the script, each micro-batch to
 * a teacher or, where the phase needs none, to the coordinator's own batches, and held until they
 * are released. Owns the feed. On the coordinator's loop.
 */
final class FedSteps {
    private final OpenedRun run;
    private final StepSampling sampling;
    private final ServedBatches served;
    private final @Nullable TeacherFeed feed;
    private final TreeMap<Long, FedStep> steps = new TreeMap<>();
    private long next;

    /**
     * Has nothing on its way.
     *
     * @param feed absent if the plan has no teacher; taken
     * @param next first step to be fed
     */
    FedSteps(
            OpenedRun run,
            StepSampling sampling,
            ServedBatches served,
            @Nullable TeacherFeed feed,
            long next) {
        this.run = run;
        this.sampling = sampling;
        this.served = served;
        this.feed = feed;
        this.next = next;
    }

    /** Feeds steps until so many are on their way, or teachers have no more credit. */
    void feed(int most) {
        while (next < run.script().totalSteps() && steps.size() < most && waiting() == 0) {
            begin(next++);
        }
    }

    private void begin(long step) {
        FedStep work = new FedStep(run.plan().getMicroBatches(), sampling.begin(run.runId(), step));
        steps.put(step, work);
        RunScript.Place place = run.script().place(step);
        long ofTrack = place.stepOfTrack(step);
        PhasePlan phase = place.phase().getPhase();
        boolean measured = step == place.phase().getStartStep() && PlanNeeds.taps(phase);
        int samples = run.microBatchSamples();
        for (int micro = 0; micro < run.plan().getMicroBatches(); micro++) {
            int number = micro;
            Supplier<MicroBatch> render = () -> run.world().schedule().microBatch(ofTrack, number);
            if (PlanNeeds.teacher(phase)) {
                MicroKey key = new MicroKey(step, micro);
                required().offer(key, phase, samples, measured, work, render);
            } else {
                work.ready(micro, served.offer(place(step, micro), samples, render));
            }
        }
    }

    private TeacherFeed required() {
        if (feed == null) {
            throw new MeshException(
                    ErrorReason.INVALID_PLAN, "a phase needs a teacher and the plan has none");
        }
        return feed;
    }

    private static String place(long step, int micro) {
        return step + "/" + micro;
    }

    /**
     * A teacher answered a micro-batch.
     *
     * @return its step, if that is still on its way
     */
    Optional<FedStep> answered(
            MicroKey key, String batchId, TeacherMember teacher, BatchReady answer) {
        Optional<FedStep> step = step(key.step());
        step.ifPresent(
                work ->
                        work.answered(
                                key.micro(),
                                ServedBatches.reference(
                                        batchId, teacher.address(), run.microBatchSamples()),
                                answer));
        return step;
    }

    /** Returns a step, if it is on its way. */
    Optional<FedStep> step(long step) {
        return Optional.ofNullable(steps.get(step));
    }

    /** Returns the step that is committed, which is on its way no longer. */
    FedStep take(long step) {
        FedStep work = steps.remove(step);
        if (work == null) {
            throw new IllegalStateException("step is not on its way: " + step);
        }
        return work;
    }

    /** Lets the micro-batches of a step go. */
    void release(long step) {
        for (int micro = 0; micro < run.plan().getMicroBatches(); micro++) {
            served.release(place(step, micro));
            if (feed != null) {
                feed.release(new MicroKey(step, micro));
            }
        }
    }

    /** Looks at the time. */
    void beat() {
        if (feed != null) {
            feed.beat();
        }
    }

    /** Drops the steps before one, which are not computed, and feeds none of them. */
    void skipTo(long step) {
        Map<Long, FedStep> before = steps.headMap(step);
        before.forEach(
                (skipped, work) -> {
                    work.end();
                    release(skipped);
                });
        before.clear();
        next = Math.max(next, step);
    }

    /** A teacher is there; one with another model is told of and not used. */
    void join(TeacherMember member) {
        if (feed != null) {
            feed.join(member);
        }
    }

    /** A teacher is gone. */
    void leave(TeacherMember member) {
        if (feed != null) {
            feed.leave(member);
        }
    }

    /** Returns the number of steps on their way. */
    int count() {
        return steps.size();
    }

    /** Returns the micro-batches that wait for a teacher's credit. */
    int waiting() {
        return feed == null ? 0 : feed.waiting();
    }

    /** Returns what a teacher has to do for the run. */
    TeacherFeed.Queue queue(TeacherMember member) {
        return feed == null ? TeacherFeed.Queue.NONE : feed.queue(member);
    }

    /** Forgets everything; what teachers hold is let go. */
    void close() {
        if (feed != null) {
            feed.close();
        }
        steps.values().forEach(FedStep::abandon);
        steps.clear();
    }
}
