package io.abmesh.coordinator.run;

import com.google.protobuf.util.Durations;
import io.abmesh.proto.v1.BatchReady;
import io.abmesh.proto.v1.StepReport;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;

/**
 * How fast the students of a run could go on and how fast its teachers are, over the last {@value
 * #WINDOW} steps and micro-batches. Thread-safe.
 */
public final class RunRates {
    private static final int WINDOW = 32;
    private static final double NANOS = 1e9;

    private record Piece(long images, long computed, long nanos) {}

    private record Times(long waited, long computed, long exchanged) {}

    private final Object lock = new Object();
    private final Deque<Piece> steps = new ArrayDeque<>();
    private final Deque<Piece> batches = new ArrayDeque<>();
    private final Deque<Times> times = new ArrayDeque<>();

    /**
     * What was measured.
     *
     * @param demand images a second that need a teacher's forward pass, if students never waited
     * @param perTeacher images a second of one teacher's forward passes
     */
    public record Measured(double demand, double perTeacher) {}

    /**
     * Where a step's time went at the student that leads; shares that add up to 1.
     *
     * @param waited for teachers
     * @param computed forward, backward and update
     * @param exchanged with other students
     */
    public record Split(double waited, double computed, double exchanged) {}

    /** Takes note of a step that students computed together. */
    void stepped(StepReport report, int images) {
        long computed = Durations.toNanos(report.getComputeDuration());
        add(steps, new Piece(images, images, computed));
        add(
                times,
                new Times(
                        Durations.toNanos(report.getWaitDuration()),
                        computed,
                        Durations.toNanos(report.getExchangeDuration())));
    }

    /** Takes note of a micro-batch that a teacher answered. */
    void ready(BatchReady batch) {
        add(
                batches,
                new Piece(
                        batch.getCachedCount() + batch.getComputedCount(),
                        batch.getComputedCount(),
                        Durations.toNanos(batch.getComputeDuration())));
    }

    private <T> void add(Deque<T> window, T piece) {
        synchronized (lock) {
            window.add(piece);
            if (window.size() > WINDOW) {
                window.remove();
            }
        }
    }

    /** Returns the rates; nothing before both a step and a forward pass were seen. */
    public Optional<Measured> measured() {
        synchronized (lock) {
            Piece step = sum(steps);
            Piece batch = sum(batches);
            if (step.nanos() == 0 || batch.images() == 0) {
                return Optional.empty();
            }
            if (batch.nanos() == 0) {
                // Caches answer everything: no teacher is needed, whatever one could do.
                return Optional.of(new Measured(0, 1));
            }
            double consumed = step.images() * NANOS / step.nanos();
            return Optional.of(
                    new Measured(
                            consumed * batch.computed() / batch.images(),
                            batch.computed() * NANOS / batch.nanos()));
        }
    }

    /** Returns where the time of the last steps went; nothing before the first. */
    public Optional<Split> split() {
        synchronized (lock) {
            double waited = times.stream().mapToLong(Times::waited).sum();
            double computed = times.stream().mapToLong(Times::computed).sum();
            double exchanged = times.stream().mapToLong(Times::exchanged).sum();
            double all = waited + computed + exchanged;
            return all == 0
                    ? Optional.empty()
                    : Optional.of(new Split(waited / all, computed / all, exchanged / all));
        }
    }

    private static Piece sum(Deque<Piece> window) {
        long images = 0;
        long computed = 0;
        long nanos = 0;
        for (Piece piece : window) {
            images += piece.images();
            computed += piece.computed();
            nanos += piece.nanos();
        }
        return new Piece(images, computed, nanos);
    }
}
