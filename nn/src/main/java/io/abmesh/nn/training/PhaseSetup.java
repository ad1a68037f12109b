package io.abmesh.nn.training;

import io.abmesh.nn.loss.LossTerm;
import java.util.List;

/**
 * What a phase minimises and how.
 *
 * @param losses terms, added up; at least one
 * @param optimizer its state is fresh in each phase
 */
public record PhaseSetup(List<LossTerm> losses, OptimizerSetup optimizer) {
    public PhaseSetup {
        losses = List.copyOf(losses);
        if (losses.isEmpty()) {
            throw new IllegalArgumentException("a phase needs a loss");
        }
    }
}
