package io.abmesh.nn.teacher;

import java.util.List;

/**
 * {@code (pixel - mean) / std} per channel.
 *
 * @param mean mean per channel, in pixel units (0 to 255), finite
 * @param std standard deviation per channel, in pixel units, finite and positive
 */
public record PixelNormalization(List<Float> mean, List<Float> std) {
    public PixelNormalization {
        mean = List.copyOf(mean);
        std = List.copyOf(std);
        if (mean.isEmpty() || mean.size() != std.size()) {
            throw new IllegalArgumentException(
                    "normalization needs one mean and one std per channel: found="
                            + mean.size()
                            + " and "
                            + std.size());
        }
        for (int c = 0; c < mean.size(); c++) {
            if (!Float.isFinite(mean.get(c)) || !Float.isFinite(std.get(c)) || std.get(c) <= 0) {
                throw new IllegalArgumentException(
                        "normalization out of range: found=mean "
                                + mean.get(c)
                                + " and std "
                                + std.get(c)
                                + " in channel "
                                + c
                                + ", expected=finite and std > 0");
            }
        }
    }
}
