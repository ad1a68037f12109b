package io.abmesh.data.schedule;

import java.util.SplittableRandom;

/** Seeded shuffling that gives the same order on every machine and Java version. */
final class Permutation {
    private Permutation() {}

    /**
     * Shuffles in place, every order equally likely (Fisher-Yates).
     *
     * @see <a href="https://doi.org/10.1145/364520.364540">Durstenfeld, 1964</a>
     */
    static void shuffle(int[] values, SplittableRandom random) {
        for (int i = values.length - 1; i > 0; i--) {
            int other = random.nextInt(i + 1);
            int value = values[i];
            values[i] = values[other];
            values[other] = value;
        }
    }

    /** The numbers {@code [0, size)} shuffled. */
    static int[] of(int size, long seed) {
        int[] order = new int[size];
        for (int i = 0; i < size; i++) {
            order[i] = i;
        }
        shuffle(order, new SplittableRandom(seed));
        return order;
    }
}
