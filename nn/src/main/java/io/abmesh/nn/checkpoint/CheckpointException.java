package io.abmesh.nn.checkpoint;

import org.jspecify.annotations.Nullable;

/** A checkpoint that cannot be written or read; the message is one line: what, found, expected. */
public final class CheckpointException extends RuntimeException {
    /** Why. */
    public enum Reason {
        /** The file is not what was written: truncated, altered, or of another format. */
        CORRUPT,
        /** No room on the disk. Nothing was published; the file before it is still there. */
        STORE_FULL,
        /** The directory refuses to be written. */
        UNWRITABLE,
        /** The file refuses to be read. */
        UNREADABLE
    }

    private final Reason reason;

    CheckpointException(Reason reason, String message) {
        this(reason, message, null);
    }

    /** Names what went wrong. */
    public CheckpointException(Reason reason, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.reason = reason;
    }

    /** Returns why. */
    public Reason reason() {
        return reason;
    }
}
