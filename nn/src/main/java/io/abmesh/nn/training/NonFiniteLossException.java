package io.abmesh.nn.training;

/**
 * A loss, or what it was computed from, that is infinite or not a number; the message names the
 * term or the array. Parameters are those of the step before.
 */
public final class NonFiniteLossException extends RuntimeException {
    NonFiniteLossException(String message) {
        super(message);
    }
}
