package io.abmesh.nn.teacher;

import static java.util.Objects.requireNonNull;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A model that cannot be opened, tapped or run; the message is one line and says what was found and
 * expected.
 */
public final class TeacherException extends RuntimeException {
    /** What went wrong. */
    public enum Reason {
        /** There is no such file. */
        MODEL_NOT_FOUND,
        /** The file is damaged or of another format. */
        MODEL_UNREADABLE,
        /** The model is sound but not one that can be a teacher here. */
        MODEL_UNSUPPORTED,
        /** The file's format names classes and the caller did not vouch for it. */
        MODEL_NOT_TRUSTED,
        /**
         * No activation of that name, and no tensor of that name enters one. Metadata: {@code tap},
         * {@code near}.
         */
        TAP_NOT_FOUND,
        /**
         * Images of another size than the model takes, or another number of bytes than their shape
         * says.
         */
        TENSOR_SIZE_MISMATCH,
        /**
         * The model answered NaN or infinity. Metadata: {@code tap}, {@code sample}, {@code value}.
         */
        TEACHER_NOT_FINITE,
        /** The engine failed while it ran. */
        TEACHER_FAILED
    }

    private final Reason reason;
    private final Map<String, String> metadata;

    public TeacherException(Reason reason, String message) {
        this(reason, message, Map.of(), null);
    }

    public TeacherException(Reason reason, String message, Throwable cause) {
        this(reason, message, Map.of(), cause);
    }

    public TeacherException(
            Reason reason,
            String message,
            Map<String, String> metadata,
            @Nullable Throwable cause) {
        super(message, cause);
        this.reason = requireNonNull(reason, "reason");
        this.metadata = Map.copyOf(metadata);
    }

    public Reason reason() {
        return reason;
    }

    /** Returns the parts of the message that vary, by name. */
    public Map<String, String> metadata() {
        return metadata;
    }
}
