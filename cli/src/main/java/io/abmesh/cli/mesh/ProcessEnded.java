package io.abmesh.cli.mesh;

import java.util.List;
import java.util.Optional;

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

    /**
     * Returns what the process said before it ended, if its error is one that no restart can mend.
     */
    public Optional<String> hopeless() {
        return exitCode == HOPELESS
                ? Optional.of(
                        new ProcessLog(spec.log())
                                .lastFatal(logStart)
                                .orElse(spec.name() + " refused to start: see " + spec.log()))
                : Optional.empty();
    }

    /** Returns the last lines of its log. */
    public List<String> lastLogLines() {
        return new ProcessLog(spec.log()).lastLines(15);
    }
}
