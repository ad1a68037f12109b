package io.abmesh.proto.process;

/**
 * How a program of the mesh ends that cannot run until a person changes something: with exit code
 * {@value #EXIT_CODE}, and one line on standard error that starts with {@code abmesh:}.
 */
public final class CannotRun {
    /** Exit code when no restart can help: {@value}. */
    public static final int EXIT_CODE = 2;

    private CannotRun() {}

    /** Says why in one line; returns the exit code. */
    public static int because(String reason) {
        System.err.println("abmesh: " + reason);
        return EXIT_CODE;
    }

    /** Says what the failure came from, in one line; returns the exit code. */
    public static int because(Throwable failure) {
        return because(oneLine(failure));
    }

    /** Returns the message of the innermost cause, without line ends and names of exceptions. */
    static String oneLine(Throwable failure) {
        Throwable root = failure;
        for (Throwable cause = root.getCause(); cause != null; cause = root.getCause()) {
            root = cause;
        }
        String message = root.getMessage() == null ? root.toString() : root.getMessage();
        return message.strip()
                .replaceAll("java\\.[a-zA-Z.]+Exception: ", "")
                .replaceAll(":\\s*\\R\\s*", ": ")
                .replaceAll("\\s*\\R\\s*", "; ");
    }
}
