package io.abmesh.nn.training;

/** A student tap and a teacher tap that cannot be compared; the message carries both shapes. */
public final class TapShapeException extends IllegalArgumentException {
    TapShapeException(String message) {
        super(message);
    }
}
