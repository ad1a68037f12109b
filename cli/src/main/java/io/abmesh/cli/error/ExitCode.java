package io.abmesh.cli.error;

/** Exit codes of {@code abmesh}. */
public enum ExitCode {
    /** It did what it was asked to do. */
    DONE(0),
    /**
     * The plan, the command line or a file of the user's is wrong; the same command would fail
     * again.
     */
    BAD_INPUT(2),
    /** A worker failed for good, or the build did. */
    WORKER_FAILED(3),
    /** Stopped by a signal; the state of the run is kept. */
    INTERRUPTED(130);

    private final int number;

    ExitCode(int number) {
        this.number = number;
    }

    /** Returns what the shell sees. */
    public int number() {
        return number;
    }
}
