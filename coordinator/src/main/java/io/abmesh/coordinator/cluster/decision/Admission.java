package io.abmesh.coordinator.cluster.decision;

import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Which runs have workers: as many as the coordinator executes at a time, so that no processor or
 * GPU idles for a run that waits. A run has its place until it has ended or stands still and its
 * workers are gone.
 */
public final class Admission {
    /**
     * A run that wants a place or has one.
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

    /**
     * What is decided of one run.
     *
     * @param own whether the run has a place
     * @param holders names of the runs that have one, in the order in which they got it or get it
     * @param othersLeaving whether it waits until workers of runs that have ended or stand still
     *     are gone
     */
    public record Turn(boolean own, List<String> holders, boolean othersLeaving) {
        public Turn {
            holders = List.copyOf(holders);
        }
    }

    private Admission() {}

    /**
     * Gives places to the runs that are executed, then to the oldest that are ready. One that is
     * executed already waits for nobody.
     *
     * @param name of the run that is asked about, one of the candidates
     * @param withWorkers names of the runs of which worker pods are there
     * @param places how many runs may have workers at a time
     */
    public static Turn turn(
            String name, List<Candidate> candidates, Set<String> withWorkers, int places) {
        List<String> executing =
                candidates.stream()
                        .filter(Candidate::executing)
                        .sorted(byAge())
                        .map(Candidate::name)
                        .toList();
        List<String> next =
                candidates.stream()
                        .filter(run -> run.ready() && !run.executing())
                        .sorted(byAge())
                        .limit(Math.max(0, places - executing.size()))
                        .map(Candidate::name)
                        .toList();
        List<String> holders = Stream.concat(executing.stream(), next.stream()).toList();
        long leaving = withWorkers.stream().filter(run -> !holders.contains(run)).count();
        int before = executing.size() + next.indexOf(name);
        return new Turn(
                holders.contains(name), holders, next.contains(name) && before + leaving >= places);
    }

    private static Comparator<Candidate> byAge() {
        return Comparator.comparing(Candidate::created).thenComparing(Candidate::name);
    }
}
