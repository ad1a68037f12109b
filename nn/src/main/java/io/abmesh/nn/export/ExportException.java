package io.abmesh.nn.export;

import static java.util.Objects.requireNonNull;

import org.jspecify.annotations.Nullable;

/** A student that cannot be exported; no file is left. */
public final class ExportException extends RuntimeException {
    /** What went wrong. */
    public enum Reason {
        /** The file computes other logits than the trained network. */
        EXPORT_MISMATCH,
        /** The arrays given are not those of the network. */
        WRONG_PARAMETERS,
        /** The file cannot be written. */
        UNWRITABLE
    }

    private final Reason reason;

    public ExportException(Reason reason, String message) {
        this(reason, message, null);
    }

    public ExportException(Reason reason, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.reason = requireNonNull(reason, "reason");
    }

    public Reason reason() {
        return reason;
    }
}
