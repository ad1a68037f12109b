package io.abmesh.coordinator.run;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.TapFirings;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * How a teacher's tap fires on the first step of a phase, before anything is learned from it. A
 * pure function of plan and teacher, however many workers there are.
 *
 * @param tap its name
 * @param active share of responses greater than zero, in [0, 1]: exactly 0 or 1 if none or all are
 * @param constant share of neurons that never or always fire within a micro-batch, in [0, 1]; mean
 *     over micro-batches
 */
record TapHealth(String tap, double active, double constant) {
    /** A tap with a smaller share of active responses, or of inactive ones, is told: {@value}. */
    static final double RARE = 0.02;

    /** A tap with a larger share of constant neurons is told: {@value}. */
    static final double CONSTANT = 0.9;

    /**
     * Returns the health of each tap.
     *
     * @param microBatches what was counted in each of a step, taps in one order; at least one
     * @param samples of each
     */
    static List<TapHealth> of(Collection<List<TapFirings>> microBatches, int samples) {
        List<TapHealth> taps = new ArrayList<>();
        List<TapFirings> first = microBatches.iterator().next();
        for (int i = 0; i < first.size(); i++) {
            int tap = i;
            List<TapFirings> counts =
                    microBatches.stream().map(counted -> counted.get(tap)).toList();
            double neurons = (double) first.get(tap).getNeuronCount() * microBatches.size();
            long fired = counts.stream().mapToLong(TapFirings::getFiredCount).sum();
            long constant =
                    counts.stream()
                            .mapToLong(count -> count.getNeverCount() + count.getAlwaysCount())
                            .sum();
            taps.add(
                    new TapHealth(
                            first.get(tap).getTap(),
                            fired / (neurons * samples),
                            constant / neurons));
        }
        return taps;
    }

    /**
     * Makes sure that there is a boundary at all.
     *
     * @throws MeshException TAP_WITHOUT_BOUNDARY if no neuron fires, or every one does
     */
    void requireBoundary() {
        if (active == 0 || active == 1) {
            throw new MeshException(
                    ErrorReason.TAP_WITHOUT_BOUNDARY,
                    "teacher's tap has no boundary to learn: tap="
                            + tap
                            + ", found="
                            + (active == 0 ? "no response" : "every response")
                            + " of a step greater than zero, expected=the response before an activation",
                    Map.of("tap", tap));
        }
    }

    /** Returns what a person may want to know of the tap, if anything. */
    Optional<String> warning() {
        boolean balanced = active >= RARE && active <= 1 - RARE;
        return balanced && constant <= CONSTANT
                ? Optional.empty()
                : Optional.of(
                        String.format(
                                Locale.ROOT,
                                "teacher's tap %s tells samples apart by few neurons: %.1f %% of its responses are greater than zero, %.1f %% of its neurons never or always fire in a micro-batch",
                                tap,
                                100 * active,
                                100 * constant));
    }
}
