package io.abmesh.data.image;

import static java.util.Objects.requireNonNull;

import org.jspecify.annotations.Nullable;

/**
 * Says why images cannot be had. The message is one line for a person: what was wrong, in which
 * file, what was found and what was expected.
 */
public final class DatasetException extends RuntimeException {
    /** Kinds of failure. */
    public enum Reason {
        /** There is no data set of that name or at that place. */
        NOT_FOUND,
        /** The operating system would not let the files be read. */
        UNREADABLE,
        /** A file is not what its name or its header says. */
        MALFORMED,
        /** A split has no images. */
        EMPTY,
        /** The samples asked for cannot be chosen from the split. */
        SUBSET
    }

    private final Reason reason;

    /** A failure with its reason and its line. */
    public DatasetException(Reason reason, String message) {
        this(reason, message, null);
    }

    /** A failure that was caused by another. */
    public DatasetException(Reason reason, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.reason = requireNonNull(reason, "reason");
    }

    /** Kind of failure, for programs. */
    public Reason reason() {
        return reason;
    }
}
