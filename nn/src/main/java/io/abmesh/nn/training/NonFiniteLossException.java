package io.abmesh.nn.training;

/**
 * A loss that is infinite or not a number; the message names the term. Parameters are those of the
 * step before.
 */
public final class NonFiniteLossException extends RuntimeException {
    NonFiniteLossException(String message) {
        super(message);
    }
}
