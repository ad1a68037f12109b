package io.abmesh.proto.plan;

import io.abmesh.proto.v1.LossPlan;
import io.abmesh.proto.v1.PhasePlan;
import java.util.List;

/** What {@code scale: auto} means: the one place that says what is tried, and in which phases. */
public final class ProbedScale {
    /** Scales that are tried, ascending: half a decade from one to the next. */
    public static final List<Double> SCALES = List.of(5.0, 16.0, 50.0, 160.0, 500.0);

    /** Shortest phase that can be probed, in steps: {@value}. */
    public static final int SHORTEST_PHASE = 80;

    private ProbedScale() {}

    /** Returns whether a phase finds the scale of its boundary loss by itself. */
    public static boolean of(PhasePlan phase) {
        return phase.getLossesList().stream().anyMatch(LossPlan::getScaleAuto);
    }
}
