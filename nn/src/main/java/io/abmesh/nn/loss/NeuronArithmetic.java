package io.abmesh.nn.loss;

import java.util.Arrays;

/**
 * What losses do for each neuron of a sample, without a branch that depends on its value: on which
 * side of a boundary a response lies is as good as random, and a processor that guesses wrong half
 * of the time takes ten times as long. The compiler turns simple loops of this arithmetic, with one
 * index for all arrays, into vector instructions; for sums that index is one of as many sums side
 * by side.
 */
final class NeuronArithmetic {
    /** Sums side by side. */
    private static final int WIDTH = 512;

    /** Terms that are added in {@code float} before the sum goes on in {@code double}. */
    private static final int CHUNK = 64 * WIDTH;

    /** Twice a factor, it makes the smallest positive number larger than any response. */
    private static final float LARGE = 0x1p126f;

    private NeuronArithmetic() {}

    /** Returns 1 for a positive number, 0 for 0. */
    static float positive(float x) {
        return Math.min(x * LARGE * LARGE, 1f);
    }

    /** Returns -1, 0 or 1. */
    static float sign(float x) {
        return Math.max(positive(x), -1f);
    }

    /** Returns a number below any response where {@code x} is positive, 0 elsewhere. */
    static float lowWherePositive(float x) {
        return Math.min(-x * LARGE, 0f) * LARGE;
    }

    /**
     * Returns the number of neurons for which both or neither are greater than zero; any number
     * where a response is none, which the loss beside it tells.
     */
    static int agreeing(float[] one, float[] other) {
        float[] differing = Workspace.ofThread().agreements(one.length);
        for (int i = 0; i < differing.length; i++) {
            differing[i] =
                    Math.abs(positive(Math.max(one[i], 0f)) - positive(Math.max(other[i], 0f)));
        }
        return one.length - (int) sum(differing, (row, count) -> {});
    }

    /** Returns the sum of squares; what is not a number makes it one too. */
    static double squares(float[] terms) {
        return sum(terms, NeuronArithmetic::square);
    }

    /** Returns the sum of absolute values, likewise. */
    static double sizes(float[] terms) {
        return sum(terms, NeuronArithmetic::size);
    }

    /** What becomes of terms, in place, before they are added. */
    @FunctionalInterface
    private interface Step {
        void accept(float[] row, int count);
    }

    private static double sum(float[] terms, Step step) {
        float[] row = new float[WIDTH];
        float[] sums = new float[WIDTH];
        double sum = 0;
        for (int chunk = 0; chunk < terms.length; chunk += CHUNK) {
            int end = Math.min(terms.length, chunk + CHUNK);
            Arrays.fill(sums, 0f);
            for (int at = chunk; at < end; at += WIDTH) {
                int count = Math.min(WIDTH, end - at);
                System.arraycopy(terms, at, row, 0, count);
                step.accept(row, count);
                add(sums, row, count);
            }
            sum += sum(sums, Math.min(WIDTH, end - chunk));
        }
        return sum;
    }

    /** Four sums side by side, none of which waits for another. */
    private static double sum(float[] terms, int count) {
        double s0 = 0;
        double s1 = 0;
        double s2 = 0;
        double s3 = 0;
        int i = 0;
        for (; i + 4 <= count; i += 4) {
            s0 += terms[i];
            s1 += terms[i + 1];
            s2 += terms[i + 2];
            s3 += terms[i + 3];
        }
        for (; i < count; i++) {
            s0 += terms[i];
        }
        return (s0 + s1) + (s2 + s3);
    }

    private static void add(float[] sums, float[] row, int count) {
        for (int i = 0; i < count; i++) {
            sums[i] += row[i];
        }
    }

    private static void square(float[] row, int count) {
        for (int i = 0; i < count; i++) {
            row[i] *= row[i];
        }
    }

    private static void size(float[] row, int count) {
        for (int i = 0; i < count; i++) {
            row[i] = Math.abs(row[i]);
        }
    }
}
