package io.abmesh.proto.error;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A failure with a name from the catalogue. Its message says what was wrong, found and expected;
 * every dynamic part of it is in the metadata too.
 */
public final class MeshException extends RuntimeException {
    private final ErrorReason reason;
    private final Map<String, String> metadata;
    private final List<FieldViolation> fieldViolations;
    private final @Nullable Duration retryDelay;

    /** A failure without metadata. */
    public MeshException(ErrorReason reason, String message) {
        this(reason, message, Map.of());
    }

    /** A failure with metadata for programs. */
    public MeshException(ErrorReason reason, String message, Map<String, String> metadata) {
        this(reason, message, metadata, null);
    }

    /** A failure with metadata and a cause; the cause does not travel. */
    public MeshException(
            ErrorReason reason,
            String message,
            Map<String, String> metadata,
            @Nullable Throwable cause) {
        this(reason, message, metadata, List.of(), null, cause);
    }

    private MeshException(
            ErrorReason reason,
            String message,
            Map<String, String> metadata,
            List<FieldViolation> fieldViolations,
            @Nullable Duration retryDelay,
            @Nullable Throwable cause) {
        super(requireNonNull(message, "message"), cause);
        this.reason = requireNonNull(reason, "reason");
        this.metadata = Map.copyOf(metadata);
        this.fieldViolations = List.copyOf(fieldViolations);
        this.retryDelay = retryDelay;
    }

    /** The name of the failure. */
    public ErrorReason reason() {
        return reason;
    }

    @Override
    public String getMessage() {
        return String.valueOf(super.getMessage());
    }

    /** The dynamic parts of the message; for programs. */
    public Map<String, String> metadata() {
        return metadata;
    }

    /** Every problem of the request; empty for most reasons. */
    public List<FieldViolation> fieldViolations() {
        return fieldViolations;
    }

    /** How long to wait before the call is repeated; only with {@link Retry#AFTER_DELAY}. */
    public Optional<Duration> retryDelay() {
        return Optional.ofNullable(retryDelay);
    }

    /** Returns a copy that lists every problem of the request. */
    public MeshException withFieldViolations(List<FieldViolation> violations) {
        return new MeshException(
                reason, getMessage(), metadata, violations, retryDelay, getCause());
    }

    /** Returns a copy that says when to try again. */
    public MeshException withRetryDelay(Duration delay) {
        return new MeshException(
                reason, getMessage(), metadata, fieldViolations, delay, getCause());
    }
}
