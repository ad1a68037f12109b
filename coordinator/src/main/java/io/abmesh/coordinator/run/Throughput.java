package io.abmesh.coordinator.run;

import java.time.Clock;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Samples that were worked off: how many, and how many a second over the last {@value #WINDOW}
 * pieces of work. Falls off while nothing is done. Not thread-safe.
 */
final class Throughput {
    private static final int WINDOW = 32;

    private record Piece(long millis, int images) {}

    private final Clock clock;
    private final Deque<Piece> window = new ArrayDeque<>();
    private long cached;
    private long computed;

    Throughput(Clock clock) {
        this.clock = clock;
    }

    /**
     * Takes note of a piece of work that is done.
     *
     * @param cachedCount samples that a cache answered
     * @param computedCount the others
     */
    void add(int cachedCount, int computedCount) {
        cached += cachedCount;
        computed += computedCount;
        window.add(new Piece(clock.millis(), cachedCount + computedCount));
        if (window.size() > WINDOW) {
            window.remove();
        }
    }

    /** Forgets when the last pieces were done; the time until the next is not worked. */
    void interrupted() {
        window.clear();
    }

    /** Returns the samples that a cache answered. */
    long cachedCount() {
        return cached;
    }

    /** Returns the samples that were computed. */
    long computedCount() {
        return computed;
    }

    /** Returns samples a second since the oldest piece that is remembered; 0 before the second. */
    double perSecond() {
        if (window.size() < 2) {
            return 0;
        }
        long millis = clock.millis() - window.getFirst().millis();
        long images = -window.getFirst().images();
        for (Piece piece : window) {
            images += piece.images();
        }
        return millis <= 0 ? 0 : images * 1e3 / millis;
    }
}
