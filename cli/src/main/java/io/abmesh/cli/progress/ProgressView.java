package io.abmesh.cli.progress;

import io.abmesh.proto.v1.Evaluated;
import io.abmesh.proto.v1.Notice;
import io.abmesh.proto.v1.PhaseEnded;
import io.abmesh.proto.v1.PhaseStarted;
import io.abmesh.proto.v1.RosterFormed;
import io.abmesh.proto.v1.Run;
import io.abmesh.proto.v1.RunEvent;
import io.abmesh.proto.v1.RunState;
import io.abmesh.proto.v1.StepCommitted;
import io.abmesh.proto.v1.WatchRunResponse;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Turns the events of a run into lines: one that stays for each phase, and one for the step at
 * hand, which a terminal shows live and a file gets every {@value #PLAIN_INTERVAL_SECONDS} seconds.
 * Not thread-safe.
 */
public final class ProgressView {

    /** Seconds between two lines of progress where lines stay. */
    public static final int PLAIN_INTERVAL_SECONDS = 10;

    private static final Duration LIVE_INTERVAL = Duration.ofMillis(100);
    private static final Duration PLAIN_INTERVAL = Duration.ofSeconds(PLAIN_INTERVAL_SECONDS);
    private static final int BAR_CELLS = 20;

    private final Console console;
    private final Clock clock;
    private final int batch;
    // The next phase starts when its first step is assigned, before the last step of this one is
    // done.
    private final List<PhaseStarted> phases = new ArrayList<>();
    private Instant nextLine;
    private List<String> students = List.of();

    /**
     * Starts with nothing shown.
     *
     * @param batch samples of a step; with the images a second, it gives the remaining time
     */
    public ProgressView(Console console, Clock clock, int batch) {
        this.console = console;
        this.clock = clock;
        this.batch = batch;
        this.nextLine = clock.instant();
    }

    /** Shows what {@code update} says. */
    public void show(WatchRunResponse update) {
        if (!update.hasEvent()) {
            if (update.getRun().getState() == RunState.RUN_STATE_PENDING) {
                console.live("waiting for workers");
            }
            return;
        }
        RunEvent event = update.getEvent();
        if (event.hasPhaseStarted()) {
            started(event.getPhaseStarted());
        } else if (event.hasStepCommitted()) {
            committed(event.getStepCommitted(), update.getRun());
        } else if (event.hasEvaluated()) {
            evaluated(event.getEvaluated());
        } else if (event.hasPhaseEnded()) {
            ended(event.getPhaseEnded());
        } else if (event.hasNotice()) {
            noticed(event.getNotice());
        } else if (event.hasRosterFormed()) {
            formed(event.getRosterFormed());
        }
    }

    private void started(PhaseStarted started) {
        phases.add(started);
        nextLine = clock.instant().plus(console.interactive() ? Duration.ZERO : PLAIN_INTERVAL);
        console.live("%s: step 0 of %d".formatted(title(started), steps(started)));
    }

    private void committed(StepCommitted step, Run run) {
        Instant now = clock.instant();
        PhaseStarted phase = phaseOf(step.getStep());
        if (now.isBefore(nextLine) || phase == null) {
            return;
        }
        nextLine = now.plus(console.interactive() ? LIVE_INTERVAL : PLAIN_INTERVAL);
        List<String> parts = new ArrayList<>();
        long done = step.getStep() + 1 - phase.getStartStep();
        parts.add(
                "%s  %s %d/%d"
                        .formatted(title(phase), bar(done, steps(phase)), done, steps(phase)));
        parts.add("loss " + number(step.getLoss()));
        agreement(step.getAgreementList(), parts);
        if (step.getImagesPerSecond() > 0) {
            parts.add("%.0f images/s".formatted(step.getImagesPerSecond()));
            long rest = Math.max(0, run.getTotalSteps() - step.getStep() - 1);
            parts.add(
                    time(Duration.ofSeconds(Math.round(rest * batch / step.getImagesPerSecond())))
                            + " left");
        }
        String line = String.join("  ", parts);
        if (console.interactive()) {
            console.live(line);
        } else {
            console.line(line);
        }
    }

    private void evaluated(Evaluated evaluated) {
        if (console.interactive()) {
            console.live(
                    "%s  accuracy %s after %.1f epochs"
                            .formatted(
                                    evaluated.getTrack(),
                                    percent(evaluated.getAccuracy()),
                                    evaluated.getEpoch()));
        }
    }

    private void ended(PhaseEnded ended) {
        List<String> parts = new ArrayList<>();
        parts.add("%-32s".formatted(ended.getTrack() + " / " + ended.getPhase()));
        parts.add("%d steps".formatted(ended.getStepCount()));
        parts.add("loss " + number(ended.getLoss()));
        agreement(ended.getAgreementList(), parts);
        // A phase that leaves the classifier untrained ends without an evaluation.
        if (ended.getAccuracy() > 0) {
            parts.add("accuracy " + percent(ended.getAccuracy()));
        }
        parts.add("%.0f images/s".formatted(ended.getImagesPerSecond()));
        parts.add(time(Duration.ofSeconds(ended.getDuration().getSeconds())));
        console.line(String.join("  ", parts));
        phases.removeIf(
                phase ->
                        phase.getTrack().equals(ended.getTrack())
                                && phase.getPhase().equals(ended.getPhase()));
    }

    /** Tells who trains, unless that is one as ever. */
    private void formed(RosterFormed roster) {
        List<String> workers = roster.getWorkerIdsList().stream().sorted().toList();
        if (!workers.equals(students) && (students.size() > 1 || workers.size() > 1)) {
            console.line(
                    "  %s from step %d on: %s"
                            .formatted(
                                    workers.size() == 1
                                            ? "one student"
                                            : workers.size() + " students",
                                    roster.getNextStep(),
                                    String.join(", ", workers)));
        }
        students = workers;
    }

    private void noticed(Notice notice) {
        console.line("  " + notice.getMessage());
    }

    private @Nullable PhaseStarted phaseOf(long step) {
        return phases.stream()
                .filter(phase -> phase.getStartStep() <= step && step < phase.getEndStep())
                .findFirst()
                .orElse(null);
    }

    private static String bar(long done, long all) {
        int filled = (int) (BAR_CELLS * Math.min(done, all) / all);
        return "[" + "#".repeat(filled) + "-".repeat(BAR_CELLS - filled) + "]";
    }

    private static void agreement(List<Double> taps, List<String> parts) {
        taps.stream()
                .mapToDouble(Double::doubleValue)
                .average()
                .ifPresent(mean -> parts.add("agreement " + percent(mean)));
    }

    private static String title(PhaseStarted phase) {
        return phase.getTrack() + " / " + phase.getPhase();
    }

    private static long steps(PhaseStarted phase) {
        return phase.getEndStep() - phase.getStartStep();
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, Math.abs(value) >= 100 ? "%.1f" : "%.4f", value);
    }

    private static String percent(double share) {
        return String.format(Locale.ROOT, "%.1f %%", 100 * share);
    }

    private static String time(Duration duration) {
        return duration.toHours() > 0
                ? "%d:%02d:%02d"
                        .formatted(
                                duration.toHours(),
                                duration.toMinutesPart(),
                                duration.toSecondsPart())
                : "%d:%02d".formatted(duration.toMinutes(), duration.toSecondsPart());
    }
}
