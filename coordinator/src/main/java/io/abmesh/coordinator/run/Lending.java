package io.abmesh.coordinator.run;

import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * Which run a worker works for. One that names a run works for that run and for no other. One that
 * names none is lent until its run ends: to a run that knows it, so that a student that comes back
 * finds its checkpoint; else to the oldest run that has nobody of its role; else to the oldest that
 * has work for one more; else to the oldest.
 */
final class Lending {
    /**
     * A run in progress that can use workers of a role.
     *
     * @param runId its name
     * @param requestId request of its submission, by which workers name it
     * @param workers of the role that it has
     * @param useful workers of the role that it has work for at most
     * @param known whether the worker belongs there: a student that worked for the run last, or a
     *     teacher whose model is not another than the run's
     */
    record Borrower(String runId, String requestId, int workers, int useful, boolean known) {}

    private Lending() {}

    /**
     * Returns the run that a worker works for now; nothing if none can use it.
     *
     * @param named request of the run that the worker is for; empty: any
     */
    static Optional<Borrower> choose(Optional<String> named, List<Borrower> oldestFirst) {
        return oldestFirst.stream()
                .filter(run -> named.map(run.requestId()::equals).orElse(true))
                .min(
                        Comparator.comparing((Borrower run) -> !run.known())
                                .thenComparing(run -> run.workers() > 0)
                                .thenComparing(run -> run.workers() >= run.useful()));
    }
}
