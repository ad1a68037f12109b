package io.abmesh.nn.teacher;

import java.util.List;

/**
 * {@code (pixel - mean) / std} per channel.
 *
 * @param mean mean per channel, in pixel units (0 to 255), finite
 * @param std standard deviation per channel, in pixel units, positive, finite, as is {@code 1 /
 *     std}
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
            boolean fits =
                    std.get(c) > 0 && Float.isFinite(std.get(c)) && Float.isFinite(1 / std.get(c));
            if (!fits || !Float.isFinite(mean.get(c))) {
                throw new IllegalArgumentException(
                        "normalization out of range: found=mean "
                                + mean.get(c)
                                + " and std "
                                + std.get(c)
                                + " in channel "
                                + c
                                + ", expected=finite, std > 0 and 1/std finite");
            }
        }
    }
}
