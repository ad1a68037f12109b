package io.abmesh.coordinator.process;

import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.annotations.QuarkusMain;
import org.jspecify.annotations.Nullable;

/**
 * The program. Exit codes: 0 stopped as told; {@value #CANNOT_RUN} cannot run until a person
 * changes something, with one line on standard error that starts with {@code abmesh:}.
 */
@QuarkusMain
public final class Main {
    /** Exit code when no restart can help: {@value}. */
    static final int CANNOT_RUN = 2;

    private Main() {}

    /** Starts the coordinator; returns when it has stopped. */
    public static void main(String... arguments) {
        Quarkus.run(Coordinator.class, Main::exit, arguments);
    }

    /** Says why in one line; returns the exit code. */
    static int cannotRun(String reason) {
        System.err.println("abmesh: " + reason);
        return CANNOT_RUN;
    }

    private static void exit(int code, @Nullable Throwable failure) {
        System.exit(failure == null ? code : cannotRun(oneLine(failure)));
    }

    private static String oneLine(Throwable failure) {
        Throwable root = failure;
        for (Throwable cause = root.getCause(); cause != null; cause = root.getCause()) {
            root = cause;
        }
        String message = root.getMessage() == null ? root.toString() : root.getMessage();
        return message.strip().replaceAll("\\s*\\R\\s*", "; ");
    }
}
