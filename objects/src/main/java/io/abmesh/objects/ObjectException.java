package io.abmesh.objects;

import static java.util.Objects.requireNonNull;

import org.jspecify.annotations.Nullable;

/**
 * Says why objects cannot be had or put. The message is one line for a person: what was wrong, what
 * was found and what was expected.
 */
public final class ObjectException extends RuntimeException {
    /** Kinds of failure. */
    public enum Reason {
        /** An address, or a key below it, cannot be. */
        BAD_ADDRESS,
        /** Credentials, region or endpoint are missing or cannot be. */
        NOT_CONFIGURED,
        /** There is no such bucket or object. */
        NOT_FOUND,
        /** The store knows the request's sender, or does not, and refuses. */
        DENIED,
        /** An object is no longer the one that was asked for. */
        CHANGED,
        /** The local disk cannot be written. */
        DISK,
        /** The store does not answer, breaks off or fails; later it may not. */
        UNREACHABLE;

        /**
         * Returns one of three, by what is in the way.
         *
         * @param store the store, which may be there again later
         * @param disk the local disk
         * @param request what was asked for, where, or by whom
         */
        public <T> T fold(T store, T disk, T request) {
            return switch (this) {
                case UNREACHABLE -> store;
                case DISK -> disk;
                case BAD_ADDRESS, NOT_CONFIGURED, NOT_FOUND, DENIED, CHANGED -> request;
            };
        }
    }

    private final Reason reason;

    /** A failure with its reason and its line. */
    public ObjectException(Reason reason, String message) {
        this(reason, message, null);
    }

    /** A failure that was caused by another. */
    public ObjectException(Reason reason, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.reason = requireNonNull(reason, "reason");
    }

    /** Kind of failure, for programs. */
    public Reason reason() {
        return reason;
    }
}
