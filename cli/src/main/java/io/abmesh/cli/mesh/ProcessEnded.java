package io.abmesh.cli.mesh;

import io.abmesh.cli.error.CliException;
import io.abmesh.cli.error.ExitCode;

/**
 * A process of the mesh ended by itself.
 *
 * @param spec how it was started
 * @param exitCode what it ended with; 128 + N for signal N
 * @param logStart length of its log when it was started
 */
public record ProcessEnded(ServiceSpec spec, int exitCode, long logStart) {

    /**
     * Exit code of a service that no restart can mend: its configuration, its model or its port.
     */
    private static final int HOPELESS = 2;

    /** Tells whether its error is one that no restart can mend. */
    public boolean hopeless() {
        return exitCode == HOPELESS;
    }

    /**
     * Returns the error that this end is when the process is not to be started again. It holds what
     * the log says: the log's folder may be gone before the error is printed.
     */
    public CliException failure() {
        ProcessLog log = new ProcessLog(spec.log());
        if (!hopeless()) {
            return new CliException(
                    ExitCode.WORKER_FAILED,
                    "%s failed: exit code %d; last lines of %s:"
                            .formatted(spec.name(), exitCode, spec.log()),
                    log.lastLines());
        }
        return log.lastFatal(logStart)
                .map(message -> new CliException(ExitCode.BAD_INPUT, message))
                .orElseGet(
                        () ->
                                new CliException(
                                        ExitCode.BAD_INPUT,
                                        "%s refused to start; last lines of %s:"
                                                .formatted(spec.name(), spec.log()),
                                        log.lastLines()));
    }
}
