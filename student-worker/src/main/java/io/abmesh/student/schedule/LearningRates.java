package io.abmesh.student.schedule;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.ScheduleKind;
import io.abmesh.proto.v1.SchedulePlan;
import java.util.List;
import java.util.Map;

/**
 * The schedules that a plan can name. With {@code p = step / steps}, the share of the phase that is
 * done before the step:
 *
 * <table>
 * <caption>Rate as a multiple of the plan's learning rate</caption>
 * <tr><th>schedule</th><th>factor</th></tr>
 * <tr><td>constant</td><td>1</td></tr>
 * <tr><td>steps</td><td>{@code factor ^ (marks passed)}; a mark {@code a} is passed from step {@code round(a * steps)} on</td></tr>
 * <tr><td>cosine</td><td>{@code (1 + cos(pi * p)) / 2}</td></tr>
 * <tr><td>plateau</td><td>1; {@link LossPlateau} lowers it as the training goes</td></tr>
 * <tr><td>one cycle</td><td>linear from 1/20 at {@code p = 0} to 1 at {@code p = 0.3}, then linear to 1/1000 at {@code p = 1}</td></tr>
 * </table>
 *
 * <p>With a warm-up the first {@code w = round(warmUp * steps)} steps, of which at least one is
 * left to the schedule, have {@code (step + 1) / (w + 1)} times the rate instead; the cosine then
 * begins at step {@code w}, while marks stay shares of the whole phase.
 *
 * @see <a href="https://arxiv.org/abs/1608.03983">Loshchilov and Hutter, SGDR</a>
 * @see <a href="https://arxiv.org/abs/1708.07120">Smith and Topin, Super-Convergence</a>
 */
public final class LearningRates {
    private static final double ONE_CYCLE_WARM_UP = 0.3;
    private static final double ONE_CYCLE_START = 1.0 / 20;
    private static final double ONE_CYCLE_END = 1.0 / 1000;

    private LearningRates() {}

    /**
     * Returns the schedule of a phase.
     *
     * @param learningRate the plan's rate, positive
     * @throws MeshException INVALID_PLAN for a schedule of a later version, or marks, a factor or a
     *     warm-up out of range
     */
    public static LearningRate of(double learningRate, SchedulePlan schedule) {
        LearningRate rate = withoutWarmUp(learningRate, schedule);
        double share = schedule.getWarmUp();
        if (share == 0) {
            return rate;
        }
        if (!(share > 0 && share < 1)) {
            throw invalid("warm-up of the schedule", Double.toString(share), "in [0, 1)");
        }
        boolean shifted = schedule.getKind() == ScheduleKind.SCHEDULE_KIND_COSINE;
        return warmedUp(learningRate, rate, share, shifted);
    }

    private static LearningRate warmedUp(
            double learningRate, LearningRate then, double share, boolean shifted) {
        return (step, steps) -> {
            long warm = Math.min(Math.round(share * (double) steps), steps - 1);
            if (step < warm) {
                return learningRate * within(step, steps, (step + 1.0) / (warm + 1.0));
            }
            return shifted ? then.at(step - warm, steps - warm) : then.at(step, steps);
        };
    }

    private static LearningRate withoutWarmUp(double learningRate, SchedulePlan schedule) {
        return switch (schedule.getKind()) {
            case SCHEDULE_KIND_UNSPECIFIED, SCHEDULE_KIND_CONSTANT, SCHEDULE_KIND_PLATEAU ->
                    constant(learningRate);
            case SCHEDULE_KIND_STEPS ->
                    steps(learningRate, schedule.getAtList(), schedule.getFactor());
            case SCHEDULE_KIND_COSINE -> cosine(learningRate);
            case SCHEDULE_KIND_ONE_CYCLE -> oneCycle(learningRate);
            case UNRECOGNIZED ->
                    throw invalid(
                            "schedule is not known to this version",
                            Integer.toString(schedule.getKindValue()),
                            "constant, steps, cosine, oneCycle or plateau");
        };
    }

    /** The same rate throughout. */
    public static LearningRate constant(double learningRate) {
        return (step, steps) -> learningRate * within(step, steps, 1);
    }

    /**
     * Multiplied by {@code factor} at each mark.
     *
     * @param marks shares of the phase, ascending, in (0, 1)
     * @param factor in (0, 1]
     * @throws MeshException INVALID_PLAN if they are out of range
     */
    public static LearningRate steps(double learningRate, List<Double> marks, double factor) {
        double before = 0;
        for (double mark : marks) {
            if (!(mark > before && mark < 1)) {
                throw invalid(
                        "marks of the schedule", marks.toString(), "ascending, between 0 and 1");
            }
            before = mark;
        }
        if (!(factor > 0 && factor <= 1)) {
            throw invalid("factor of the schedule", Double.toString(factor), "in (0, 1]");
        }
        List<Double> ascending = List.copyOf(marks);
        return (step, steps) -> {
            long passed =
                    ascending.stream()
                            .filter(mark -> step >= Math.round(mark * (double) steps))
                            .count();
            return learningRate * within(step, steps, Math.pow(factor, (double) passed));
        };
    }

    /** Half a cosine, from the rate to zero, which the step after the last would have. */
    public static LearningRate cosine(double learningRate) {
        return (step, steps) ->
                learningRate
                        * within(
                                step,
                                steps,
                                (1 + Math.cos(Math.PI * (double) step / (double) steps)) / 2);
    }

    /** Linear up, then linear down. */
    public static LearningRate oneCycle(double learningRate) {
        return (step, steps) -> {
            double share = (double) step / (double) steps;
            double factor =
                    share < ONE_CYCLE_WARM_UP
                            ? between(ONE_CYCLE_START, 1, share / ONE_CYCLE_WARM_UP)
                            : between(
                                    1,
                                    ONE_CYCLE_END,
                                    (share - ONE_CYCLE_WARM_UP) / (1 - ONE_CYCLE_WARM_UP));
            return learningRate * within(step, steps, factor);
        };
    }

    private static double between(double from, double to, double share) {
        return from + (to - from) * share;
    }

    private static double within(long step, long steps, double factor) {
        if (step < 0 || step >= steps) {
            throw new IllegalArgumentException(
                    "step is not of the phase: found=" + step + ", expected=[0, " + steps + ")");
        }
        return factor;
    }

    private static MeshException invalid(String what, String found, String expected) {
        return new MeshException(
                ErrorReason.INVALID_PLAN,
                what + ": found=" + found + ", expected=" + expected,
                Map.of("found", found));
    }
}
