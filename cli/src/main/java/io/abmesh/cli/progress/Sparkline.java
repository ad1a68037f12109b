package io.abmesh.cli.progress;

import java.nio.charset.Charset;

/**
 * A curve in a line of text: one bar for each of a fixed number of equal parts, as high as the mean
 * of the values in it. Not thread-safe.
 */
final class Sparkline {
    private static final String BARS = "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588";
    private static final String PLAIN = "_.-~=+*#";

    private final String ramp;
    private final double[] sums;
    private final int[] counts;

    /**
     * Makes an empty one.
     *
     * @param parts bars when it is full
     * @param ramp characters from the lowest to the highest
     */
    Sparkline(int parts, String ramp) {
        this.ramp = ramp;
        sums = new double[parts];
        counts = new int[parts];
    }

    /** Returns the characters that a terminal of a character set can show. */
    static String ramp(Charset terminal) {
        return terminal.newEncoder().canEncode(BARS) ? BARS : PLAIN;
    }

    /**
     * Adds a value.
     *
     * @param position of it, from 0 to 1
     */
    void add(double position, double value) {
        int part = (int) Math.min(sums.length - 1, Math.max(0, position * sums.length));
        sums[part] += value;
        counts[part]++;
    }

    /** Returns the bars of the parts that have values, from the lowest to the highest of them. */
    String text() {
        double least = Double.POSITIVE_INFINITY;
        double most = Double.NEGATIVE_INFINITY;
        for (int i = 0; i < sums.length; i++) {
            if (counts[i] > 0) {
                least = Math.min(least, sums[i] / counts[i]);
                most = Math.max(most, sums[i] / counts[i]);
            }
        }
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < sums.length; i++) {
            if (counts[i] > 0) {
                double height = most > least ? (sums[i] / counts[i] - least) / (most - least) : 0.5;
                text.append(ramp.charAt((int) Math.round(height * (ramp.length() - 1))));
            }
        }
        return text.toString();
    }
}
