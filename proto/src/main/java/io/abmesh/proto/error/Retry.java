package io.abmesh.proto.error;

/** What a client may do after an error. */
public enum Retry {
    /** The same call fails again. */
    NEVER,
    /** The call may succeed once a person has changed something: a file, a version, free space. */
    AFTER_OPERATOR,
    /** The assignment is void: ask for a new one, do not repeat the call. */
    NEW_ASSIGNMENT,
    /** The stream is over: open another and send again what was not answered. */
    NEW_STREAM,
    /** The same call, after the delay that the error carries. */
    AFTER_DELAY,
    /** The same call with growing delays, if it is idempotent. */
    BACKOFF
}
