package io.abmesh.coordinator.run;

import io.abmesh.coordinator.run.RunScript.Item;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * How far the students of an epoch are in the script: what they are given next, what they have not
 * answered, and the last step that is committed. On the coordinator's loop.
 *
 * <p>Answers come in the order of the assignments, except those of checkpoints, which are written
 * while training goes on. A step waits for the evaluation or the end of a track before it: an
 * answer that is lost can be had again only while the parameters are those of its step. Behind a
 * step that may end its phase, nothing is given until it is committed.
 */
final class Assignments {
    private final RunScript script;
    private final Deque<Item> upcoming = new ArrayDeque<>();
    private final Deque<Item> unanswered = new ArrayDeque<>();
    private final Set<Long> checkpointing = new HashSet<>();

    /** Next step of the script whose items are not upcoming yet. */
    private long nextStep;

    private long committed;

    /** Step that must be committed before the script goes on. */
    private long barrier = Long.MAX_VALUE;

    /**
     * Stands behind a committed step.
     *
     * @param committed the step; -1: none
     * @param unfinished what stands behind it and has to be done again
     * @param nextStep step that follows
     */
    Assignments(RunScript script, long committed, List<Item> unfinished, long nextStep) {
        this.script = script;
        this.committed = committed;
        this.upcoming.addAll(unfinished);
        this.nextStep = nextStep;
    }

    /**
     * Returns what comes next, if it may be given now; {@link #given} says that it was.
     *
     * @param most assignments that the students take unanswered
     */
    Optional<Item> next(int most) {
        if (unanswered.size() >= most) {
            return Optional.empty();
        }
        boolean waits = barrier != Long.MAX_VALUE && committed < barrier;
        if (upcoming.isEmpty()) {
            if (waits || nextStep >= script.totalSteps()) {
                return Optional.empty();
            }
            upcoming.addAll(script.items(nextStep));
            if (script.decides(nextStep)) {
                barrier = nextStep;
            }
            nextStep++;
        }
        return Optional.ofNullable(upcoming.peek())
                .filter(
                        item ->
                                item instanceof RunScript.Step
                                        ? unanswered.stream()
                                                .allMatch(RunScript.Step.class::isInstance)
                                        : !waits);
    }

    /** Takes note that the next was given. */
    void given() {
        Item item = upcoming.remove();
        if (item instanceof RunScript.Checkpoint) {
            checkpointing.add(item.step());
        } else {
            unanswered.add(item);
        }
    }

    /**
     * A step was trained, which commits it.
     *
     * @throws MeshException STREAM_PROTOCOL if another answer is expected
     */
    void trained(long step) {
        answered(RunScript.Step.class, step);
        committed = step;
        if (committed >= barrier) {
            barrier = Long.MAX_VALUE;
        }
    }

    /**
     * An evaluation behind a step was done.
     *
     * @throws MeshException STREAM_PROTOCOL if another answer is expected
     */
    void evaluated(long step) {
        answered(RunScript.Evaluate.class, step);
    }

    /**
     * The track of the last committed step was ended.
     *
     * @throws MeshException STREAM_PROTOCOL if another answer is expected
     */
    void trackEnded() {
        answered(RunScript.EndTrack.class, committed);
    }

    /** A checkpoint was published. */
    void checkpointed(long step) {
        checkpointing.remove(step);
    }

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

    /**
     * The phase ends with the last committed step; what is left of it stays undone.
     *
     * @return the step that follows
     */
    long endPhaseEarly() {
        upcoming.clear();
        upcoming.addAll(script.endOfPhase(committed));
        upcoming.removeIf(this::isGiven);
        nextStep = script.nextPhase(committed).orElse(script.totalSteps());
        return nextStep;
    }

    /** What stood behind a position may have been given before it was known that the phase ends. */
    private boolean isGiven(Item item) {
        return item instanceof RunScript.Checkpoint
                ? checkpointing.contains(item.step())
                : unanswered.contains(item);
    }

    /** Returns the last step that is committed; -1 before the first. */
    long committed() {
        return committed;
    }

    /** Returns the number of assignments that are not answered, checkpoints apart. */
    int unanswered() {
        return unanswered.size();
    }

    /** Returns whether steps are being trained. */
    boolean training() {
        return unanswered.stream().anyMatch(RunScript.Step.class::isInstance);
    }

    /** Returns what has not been answered for longest, a checkpoint only if nothing else is. */
    Optional<Item> oldest() {
        return Optional.ofNullable(unanswered.peek())
                .or(() -> checkpointing.stream().min(Long::compare).map(RunScript.Checkpoint::new));
    }

    /** Returns whether all of the script is done. */
    boolean done() {
        return upcoming.isEmpty()
                && unanswered.isEmpty()
                && checkpointing.isEmpty()
                && nextStep >= script.totalSteps();
    }

    /** Forgets what was given: nobody is waited for any more. */
    void close() {
        upcoming.clear();
        unanswered.clear();
        checkpointing.clear();
    }
}
