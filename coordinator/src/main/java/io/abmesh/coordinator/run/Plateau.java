package io.abmesh.coordinator.run;

import io.abmesh.proto.v1.UntilPlan;
import java.util.ArrayList;
import java.util.List;

/** Tells when the boundary agreement of a phase no longer rises, or is as high as wanted. */
final class Plateau {
    /** Smallest rise that counts: {@value}. */
    static final double RISE = 0.001;

    private final UntilPlan until;
    private final List<Double> epoch = new ArrayList<>();
    private double best = Double.NEGATIVE_INFINITY;
    private int since;

    /** Starts at the beginning of a phase. */
    Plateau(UntilPlan until) {
        this.until = until;
    }

    /** Takes the agreement of a step. */
    void add(List<Double> agreement) {
        epoch.add(agreement.stream().mapToDouble(Double::doubleValue).average().orElse(0));
    }

    /** Ends an epoch; returns whether the phase has reached its end. */
    boolean endEpoch() {
        double mean = epoch.stream().mapToDouble(Double::doubleValue).average().orElse(0);
        epoch.clear();
        if (mean > best + RISE) {
            best = mean;
            since = 0;
        } else {
            since++;
        }
        boolean still = until.getPlateauEpochs() > 0 && since >= until.getPlateauEpochs();
        return still || (until.getAgreement() > 0 && mean >= until.getAgreement());
    }
}
