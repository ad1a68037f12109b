package io.abmesh.nn.loss;

/** What parameters of losses have to be. */
final class LossParameters {
    private LossParameters() {}

    /** Refuses what is zero, negative or not a number. */
    static void requirePositive(String what, double value) {
        if (!(value > 0)) {
            throw new IllegalArgumentException(what + " must be positive: found=" + value);
        }
    }
}
