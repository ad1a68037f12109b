package io.abmesh.cli.error;

import static java.util.Objects.requireNonNull;

import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * An end of the command that a person must read: one line that says what was wrong, and details of
 * a line each.
 */
public final class CliException extends RuntimeException {

    private final ExitCode exitCode;
    private final transient List<String> details;

    /** One line. */
    public CliException(ExitCode exitCode, String message) {
        this(exitCode, message, List.of(), null);
    }

    /** One line with its cause, which is not printed. */
    public CliException(ExitCode exitCode, String message, @Nullable Throwable cause) {
        this(exitCode, message, List.of(), cause);
    }

    /** One line, and details that are printed below it as they are. */
    public CliException(ExitCode exitCode, String message, List<String> details) {
        this(exitCode, message, details, null);
    }

    /** One line, details, and the cause, which is not printed. */
    public CliException(
            ExitCode exitCode, String message, List<String> details, @Nullable Throwable cause) {
        super(requireNonNull(message, "message"), cause);
        this.exitCode = requireNonNull(exitCode, "exitCode");
        this.details = List.copyOf(details);
    }

    /** Returns how the command ends. */
    public ExitCode exitCode() {
        return exitCode;
    }

    /** Returns message and details in one line. */
    public String summary() {
        String message = String.valueOf(getMessage());
        return details.isEmpty() ? message : message + ": " + String.join("; ", details);
    }

    /** Returns what is printed: {@code abmesh: MESSAGE} and the details. */
    public List<String> lines() {
        return Stream.concat(Stream.of("abmesh: " + getMessage()), details.stream()).toList();
    }
}
