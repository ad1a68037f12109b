package io.abmesh.data.schedule;

/** Turns seeds and positions into independent-looking seeds. */
final class Mixing {
    private Mixing() {}

    /** Folds values into one seed; every bit of every value matters, and so does their order. */
    static long mix(long seed, long first, long second) {
        return finish(finish(finish(seed) ^ first) ^ second);
    }

    /**
     * The finaliser of SplitMix64 after one step of its counter.
     *
     * @see <a href="https://doi.org/10.1145/2660193.2660195">Steele, Lea, Flood, OOPSLA 2014</a>
     */
    private static long finish(long value) {
        long z = value + 0x9E3779B97F4A7C15L;
        z = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9L;
        z = (z ^ z >>> 27) * 0x94D049BB133111EBL;
        return z ^ z >>> 31;
    }
}
