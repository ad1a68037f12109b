package io.abmesh.data.image;

import java.util.ArrayList;
import java.util.List;

/**
 * Mean and standard deviation per channel, in pixel units (0 to 255).
 *
 * @param mean one per channel
 * @param std one per channel, positive
 */
public record ChannelStatistics(List<Float> mean, List<Float> std) {
    /** Values that the literature uses for CIFAR-10, and so does every published teacher. */
    public static final ChannelStatistics CIFAR10 =
            new ChannelStatistics(List.of(125.3f, 123.0f, 113.9f), List.of(63.0f, 62.1f, 66.7f));

    public ChannelStatistics {
        mean = List.copyOf(mean);
        std = List.copyOf(std);
        if (mean.isEmpty() || mean.size() != std.size()) {
            throw new IllegalArgumentException(
                    "mean and std differ in length: mean=" + mean + ", std=" + std);
        }
        for (float value : std) {
            if (!(value > 0)) {
                throw new IllegalArgumentException("std must be positive: found=" + std);
            }
        }
    }

    /**
     * Measures every pixel of a split, in exact integer sums. A channel that never varies gets the
     * standard deviation 1, so that dividing by it does no harm.
     */
    public static ChannelStatistics measure(ImageSplit split) {
        ImageShape shape = split.shape();
        int plane = shape.height() * shape.width();
        long[] sums = new long[shape.channels()];
        long[] squares = new long[shape.channels()];
        byte[] image = new byte[shape.bytes()];
        for (int i = 0; i < split.size(); i++) {
            split.copyImage(i, image, 0);
            for (int channel = 0; channel < shape.channels(); channel++) {
                long sum = 0;
                long square = 0;
                for (int at = channel * plane; at < (channel + 1) * plane; at++) {
                    int pixel = image[at] & 0xFF;
                    sum += pixel;
                    square += (long) pixel * pixel;
                }
                sums[channel] += sum;
                squares[channel] += square;
            }
        }
        double count = (double) plane * split.size();
        List<Float> mean = new ArrayList<>();
        List<Float> std = new ArrayList<>();
        for (int channel = 0; channel < shape.channels(); channel++) {
            double average = sums[channel] / count;
            double variance = squares[channel] / count - average * average;
            mean.add((float) average);
            std.add(variance > 1e-9 ? (float) Math.sqrt(variance) : 1f);
        }
        return new ChannelStatistics(mean, std);
    }
}
