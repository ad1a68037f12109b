package io.abmesh.coordinator.cluster.decision;

import io.abmesh.coordinator.cluster.resource.TeacherRange;
import java.time.Duration;
import java.util.Optional;

/**
 * How many teachers a run gets: measured demand by measured rate per teacher, between the bounds of
 * its spec.
 *
 * <p>One more teacher is cheap and a student that waits is not, so it goes up soon and by all that
 * is missing, and down late and by one.
 */
public final class TeacherScaling {
    /** Teachers are provided for this much more than the demand: {@value}. */
    static final double HEADROOM = 1.1;

    /**
     * A teacher is given up only if the others have this much more than the demand, so that a rate
     * that wavers does not start and stop pods: {@value}.
     */
    static final double SLACK = 1.3;

    /**
     * Time after a change before teachers are added; a new teacher needs it to show in the rates.
     */
    static final Duration UP_COOL_DOWN = Duration.ofSeconds(30);

    /** Time after a change before a teacher is given up. */
    static final Duration DOWN_COOL_DOWN = Duration.ofMinutes(5);

    /** Why a number was decided. */
    public enum Reason {
        /** The demand is met, with little to spare. */
        UNCHANGED,
        /** Nothing was measured yet. */
        NOT_MEASURED,
        /** The last change is too recent. */
        COOLING_DOWN,
        /** The spec's bounds demand it. */
        BOUNDS,
        /** Students wait. */
        DEMAND_ROSE,
        /** Fewer would do. */
        DEMAND_FELL
    }

    /**
     * A number of teachers.
     *
     * @param teachers the number
     * @param reason why
     */
    public record Decision(int teachers, Reason reason) {}

    private TeacherScaling() {}

    /**
     * Decides.
     *
     * @param current teachers that are wanted now; 0 before the first decision
     * @param sinceChange time since that number changed
     */
    public static Decision decide(
            int current, TeacherRange range, Optional<TeacherRates> rates, Duration sinceChange) {
        int bounded = Math.max(range.min(), Math.min(range.max(), current));
        if (bounded != current) {
            return new Decision(bounded, Reason.BOUNDS);
        }
        if (rates.isEmpty()) {
            return new Decision(current, Reason.NOT_MEASURED);
        }
        double teachers = rates.get().demand() / rates.get().perTeacher();
        int needed =
                (int) Math.min(range.max(), Math.max(range.min(), Math.ceil(teachers * HEADROOM)));
        if (needed > current) {
            return sinceChange.compareTo(UP_COOL_DOWN) < 0
                    ? new Decision(current, Reason.COOLING_DOWN)
                    : new Decision(needed, Reason.DEMAND_ROSE);
        }
        boolean spare = current > range.min() && teachers * SLACK <= current - 1;
        if (spare) {
            return sinceChange.compareTo(DOWN_COOL_DOWN) < 0
                    ? new Decision(current, Reason.COOLING_DOWN)
                    : new Decision(current - 1, Reason.DEMAND_FELL);
        }
        return new Decision(current, Reason.UNCHANGED);
    }
}
