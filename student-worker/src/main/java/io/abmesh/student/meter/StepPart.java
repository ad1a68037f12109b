package io.abmesh.student.meter;

import java.util.Locale;

/** What a student does in a step. */
public enum StepPart {
    /** Waits for tensors of teachers. */
    FETCH,
    /** Computes the outputs and the loss. */
    FORWARD,
    /** Computes the gradient. */
    BACKWARD,
    /** Waits for other students' gradients and gives its own. */
    EXCHANGE,
    /** Changes the parameters. */
    UPDATE;

    /** Its name in meters and traces. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }
}
