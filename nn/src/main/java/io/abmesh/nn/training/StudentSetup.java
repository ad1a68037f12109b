package io.abmesh.nn.training;

import io.abmesh.nn.network.NetworkSpec;
import java.util.List;

/**
 * What stays the same through a run.
 *
 * @param network student, without connectors
 * @param pairs taps from the first to the last; empty where nothing is compared
 * @param connector between them
 * @param seed of the initial weights
 * @param mean input normalisation, per channel, in pixel units
 * @param std likewise, positive
 * @param mappedClasses teacher's classes, if its logits are compared through a linear map; else 0
 * @param threads compute threads, at least 1
 */
public record StudentSetup(
        NetworkSpec network,
        List<TapPair> pairs,
        ConnectorPolicy connector,
        long seed,
        List<Float> mean,
        List<Float> std,
        int mappedClasses,
        int threads) {
    public StudentSetup {
        pairs = List.copyOf(pairs);
        mean = List.copyOf(mean);
        std = List.copyOf(std);
    }

    /** Makes a setup without a linear map. */
    public StudentSetup(
            NetworkSpec network,
            List<TapPair> pairs,
            ConnectorPolicy connector,
            long seed,
            List<Float> mean,
            List<Float> std,
            int threads) {
        this(network, pairs, connector, seed, mean, std, 0, threads);
    }
}
