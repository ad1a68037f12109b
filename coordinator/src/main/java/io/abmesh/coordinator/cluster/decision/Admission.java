package io.abmesh.coordinator.cluster.decision;

import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * Whose turn it is: a coordinator executes one run at a time, and only that run has workers, so
 * that no processor or GPU idles for a run that waits.
 */
public final class Admission {
    /**
     * A run that wants its turn or has it.
     *
     * @param uid identity of the resource
     * @param name its name
     * @param created when it was made
     * @param executing whether the coordinator executes it now
     * @param ready whether it could: its spec was found good, it is neither suspended nor ended nor
     *     about to be deleted
     */
    public record Candidate(
            String uid, String name, Instant created, boolean executing, boolean ready) {}

    private Admission() {}

    /**
     * Returns the run whose turn it is: the one that is executed, else the oldest that is ready.
     */
    public static Optional<Candidate> turn(List<Candidate> candidates) {
        Optional<Candidate> executing =
                candidates.stream().filter(Candidate::executing).findFirst();
        return executing.isPresent()
                ? executing
                : candidates.stream()
                        .filter(Candidate::ready)
                        .min(
                                Comparator.comparing(Candidate::created)
                                        .thenComparing(Candidate::uid));
    }
}
