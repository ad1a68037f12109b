package io.abmesh.student.schedule;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.plan.ProbedScale;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Finds the scale of a boundary loss in the first steps of its phase.
 *
 * <p>Each of {@link ProbedScale#SCALES} is tried for as many steps, from the initial weights every
 * time; then the phase begins anew with the one that brought the student closest to the teacher,
 * and goes on with the steps that are left:
 *
 * <pre>
 * step of the phase   0 ..          n ..          2n ..   ..   5n ..                  length
 *                     | SCALES[0]   | SCALES[1]   |  ...  |    | the best of them     |
 * </pre>
 *
 * <p>How close a scale comes is the mean agreement, over taps, of the second half of its steps. A
 * step's agreement is measured before its update and, in the first pass over the data, on samples
 * that these weights have not learned from: a held-out slice that costs no sample. Of equal ones
 * the smaller scale is chosen.
 *
 * <p>A pure function of what steps report, so that it is the same for any number of students. What
 * it knows is part of a student's {@link #state}. Not thread-safe.
 */
public final class ScaleProbe {
    private static final List<Double> SCALES = ProbedScale.SCALES;

    /** Most steps that one scale is tried for: {@value}. */
    static final int MOST_STEPS = 20;

    /** The probe takes one part in this many of a phase at most. */
    private static final int SHARE = 4;

    /**
     * What a probe found.
     *
     * @param agreements of the scales, in [0, 1]
     * @param scale the one to go on with
     */
    public record Choice(List<Double> agreements, double scale) {
        public Choice {
            agreements = List.copyOf(agreements);
        }
    }

    /** Steps of each scale. */
    private final int steps;

    private final float[] sums = new float[SCALES.size()];

    /**
     * Starts at the beginning of a phase.
     *
     * @param length planned steps of the phase
     * @throws MeshException INVALID_PLAN if it is shorter than {@link ProbedScale#SHORTEST_PHASE}
     */
    public ScaleProbe(long length) {
        if (length < ProbedScale.SHORTEST_PHASE) {
            throw new MeshException(
                    ErrorReason.INVALID_PLAN,
                    "phase is too short to find its scale: found="
                            + length
                            + " steps, min="
                            + ProbedScale.SHORTEST_PHASE,
                    Map.of("found", Long.toString(length)));
        }
        this.steps = (int) Math.min(MOST_STEPS, length / ((long) SHARE * SCALES.size()));
    }

    /**
     * Returns the probe that goes on from a state.
     *
     * @throws IllegalArgumentException if it is no such state
     */
    public static ScaleProbe of(long length, float[] state) {
        ScaleProbe probe = new ScaleProbe(length);
        if (state.length != probe.sums.length) {
            throw new IllegalArgumentException(
                    "state of a probe: found="
                            + state.length
                            + " elements, expected="
                            + probe.sums.length);
        }
        System.arraycopy(state, 0, probe.sums, 0, state.length);
        return probe;
    }

    /** Returns what it knows, an element for each scale. */
    public float[] state() {
        return sums.clone();
    }

    /**
     * Returns the scale of a step.
     *
     * @param step place in the phase; those before it have been {@linkplain #add added}
     */
    public double scale(long step) {
        return step < end() ? SCALES.get((int) (step / steps)) : choice().scale();
    }

    /** Returns whether the student starts anew, from its initial weights, before a step. */
    public boolean restarts(long step) {
        return step <= end() && step % steps == 0;
    }

    /**
     * Returns the place of a step in the phase's schedule of rates. Each scale that is tried begins
     * where the phase begins anew behind the probe, at the schedule's beginning: they see the rates
     * that the chosen one will.
     */
    public long placeInSchedule(long step) {
        return step < end() ? step % steps : step - end();
    }

    /** Returns the steps behind the probe, which the schedule stretches over. */
    public long scheduleLength(long length) {
        return length - end();
    }

    /**
     * Takes the agreement of a step, of each tap; returns the choice if it was the last one that
     * the choice depends on.
     */
    public Optional<Choice> add(long step, List<Double> agreement) {
        if (step >= end()) {
            return Optional.empty();
        }
        if (step % steps >= steps / 2) {
            sums[(int) (step / steps)] +=
                    (float) agreement.stream().mapToDouble(Double::doubleValue).average().orElse(0);
        }
        return step == end() - 1 ? Optional.of(choice()) : Optional.empty();
    }

    private long end() {
        return (long) steps * SCALES.size();
    }

    private Choice choice() {
        List<Double> agreements = new ArrayList<>();
        int best = 0;
        for (int i = 0; i < sums.length; i++) {
            agreements.add((double) sums[i] / (steps - steps / 2));
            if (sums[i] > sums[best]) {
                best = i;
            }
        }
        return new Choice(agreements, SCALES.get(best));
    }
}
