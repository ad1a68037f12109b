package io.abmesh.coordinator.run;

import java.util.ArrayList;
import java.util.List;

/** Tells when the boundary agreement of a phase no longer rises. */
final class Plateau {
    /** Smallest rise that counts: {@value}. */
    static final double RISE = 0.001;

    private final int patience;
    private final List<Double> epoch = new ArrayList<>();
    private double best = Double.NEGATIVE_INFINITY;
    private int since;

    /**
     * Starts at the beginning of a phase.
     *
     * @param patience epochs without a rise, at least 1
     */
    Plateau(int patience) {
        this.patience = patience;
    }

    /** Takes the agreement of a step. */
    void add(List<Double> agreement) {
        epoch.add(agreement.stream().mapToDouble(Double::doubleValue).average().orElse(0));
    }

    /** Ends an epoch; returns whether the phase has reached its plateau. */
    boolean endEpoch() {
        double mean = epoch.stream().mapToDouble(Double::doubleValue).average().orElse(0);
        epoch.clear();
        if (mean > best + RISE) {
            best = mean;
            since = 0;
        } else {
            since++;
        }
        return since >= patience;
    }
}
