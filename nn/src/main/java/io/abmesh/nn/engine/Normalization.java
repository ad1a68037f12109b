package io.abmesh.nn.engine;

import java.util.List;

/**
 * {@code (pixel - mean) / std} per channel, on pixels in 0 to 255.
 *
 * @param mean per channel, in pixel units
 * @param std per channel, in pixel units, positive
 */
public record Normalization(List<Float> mean, List<Float> std) {
    public Normalization {
        mean = List.copyOf(mean);
        std = List.copyOf(std);
        if (mean.size() != std.size()) {
            throw new IllegalArgumentException(
                    "normalisation has two lengths: mean=" + mean.size() + ", std=" + std.size());
        }
        for (float deviation : std) {
            if (!(deviation > 0)) {
                throw new IllegalArgumentException(
                        "normalisation std must be positive: found=" + std);
            }
        }
    }
}
