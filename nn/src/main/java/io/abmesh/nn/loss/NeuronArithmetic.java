package io.abmesh.nn.loss;

/**
 * What losses do for each neuron of a sample, without a branch that depends on its value: on which
 * side of a boundary a response lies is as good as random, and a processor that guesses wrong half
 * of the time takes ten times as long. The compiler turns simple loops of this arithmetic, with one
 * index for all arrays, into vector instructions.
 */
final class NeuronArithmetic {
    /** Terms that are added in {@code float} before the sum goes on in {@code double}. */
    private static final int CHUNK = 512;

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

    /** Returns the number of neurons for which both or neither are greater than zero. */
    static int agreeing(float[] one, float[] other) {
        int differing = 0;
        for (int i = 0; i < one.length; i++) {
            // The sign of 0 - x is set where x is greater than zero, and nowhere else.
            differing +=
                    (Float.floatToRawIntBits(0f - one[i]) ^ Float.floatToRawIntBits(0f - other[i]))
                            >>> 31;
        }
        return one.length - differing;
    }

    /** Returns the sum of squares; what is not a number makes it one too. */
    static double squares(float[] terms) {
        double sum = 0;
        for (int from = 0; from < terms.length; from += CHUNK) {
            sum += squares(terms, from, Math.min(terms.length, from + CHUNK));
        }
        return sum;
    }

    /** Eight sums side by side, none of which waits for another. */
    private static float squares(float[] d, int from, int to) {
        float s0 = 0;
        float s1 = 0;
        float s2 = 0;
        float s3 = 0;
        float s4 = 0;
        float s5 = 0;
        float s6 = 0;
        float s7 = 0;
        int i = from;
        for (; i + 8 <= to; i += 8) {
            s0 += d[i] * d[i];
            s1 += d[i + 1] * d[i + 1];
            s2 += d[i + 2] * d[i + 2];
            s3 += d[i + 3] * d[i + 3];
            s4 += d[i + 4] * d[i + 4];
            s5 += d[i + 5] * d[i + 5];
            s6 += d[i + 6] * d[i + 6];
            s7 += d[i + 7] * d[i + 7];
        }
        for (; i < to; i++) {
            s0 += d[i] * d[i];
        }
        return ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7));
    }

    /** Returns the sum of absolute values. */
    static double sizes(float[] terms) {
        double sum = 0;
        for (float term : terms) {
            sum += Math.abs(term);
        }
        return sum;
    }
}
