package io.abmesh.cli.progress;

import io.abmesh.proto.v1.Evaluated;
import io.abmesh.proto.v1.Notice;
import io.abmesh.proto.v1.PhaseEnded;
import io.abmesh.proto.v1.PhaseStarted;
import io.abmesh.proto.v1.RosterFormed;
import io.abmesh.proto.v1.Run;
import io.abmesh.proto.v1.RunEvent;
import io.abmesh.proto.v1.RunState;
import io.abmesh.proto.v1.RunWorkers;
import io.abmesh.proto.v1.StepCommitted;
import io.abmesh.proto.v1.WatchRunResponse;
import java.nio.charset.Charset;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Turns the events of a run into lines: one that stays for each phase, and one for the step at
 * hand, which a terminal shows live, with curves and workers below it, and a file gets every
 * {@value #PLAIN_INTERVAL_SECONDS} seconds. Not thread-safe.
 */
public final class ProgressView {

    /** Seconds between two lines of progress where lines stay. */
    public static final int PLAIN_INTERVAL_SECONDS = 10;

    private static final Duration LIVE_INTERVAL = Duration.ofMillis(100);
    private static final Duration PLAIN_INTERVAL = Duration.ofSeconds(PLAIN_INTERVAL_SECONDS);
    private static final int BAR_CELLS = 20;
    private static final int CURVE_CELLS = 32;

    /** A phase under way and its curves so far. */
    private record Followed(PhaseStarted phase, Sparkline loss, Sparkline agreement) {}

    private final Console console;
    private final Clock clock;
    private final int batch;
    private final String ramp = Sparkline.ramp(Charset.defaultCharset());
    // The next phase starts when its first step is assigned, before the last step of this one is
    // done.
    private final List<Followed> phases = new ArrayList<>();
    private final List<Evaluated> evaluations = new ArrayList<>();
    private Instant nextLine;
    private List<String> students = List.of();
    private String headline = "";
    private @Nullable Followed followed;
    private StepCommitted newest = StepCommitted.getDefaultInstance();
    private RunWorkers workers = RunWorkers.getDefaultInstance();

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
        if (update.hasWorkers()) {
            workers = update.getWorkers();
        }
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
        phases.add(
                new Followed(
                        started,
                        new Sparkline(CURVE_CELLS, ramp),
                        new Sparkline(CURVE_CELLS, ramp)));
        nextLine = clock.instant().plus(console.interactive() ? Duration.ZERO : PLAIN_INTERVAL);
        headline = "%s: step 0 of %d".formatted(title(started), steps(started));
        followed = null;
        console.live(panel());
    }

    private void committed(StepCommitted step, Run run) {
        Instant now = clock.instant();
        Followed at = followedAt(step.getStep());
        if (at == null) {
            return;
        }
        followed = at;
        newest = step;
        PhaseStarted phase = at.phase();
        long done = step.getStep() + 1 - phase.getStartStep();
        double position = (done - 0.5) / steps(phase);
        at.loss().add(position, step.getLoss());
        step.getAgreementList().stream()
                .mapToDouble(Double::doubleValue)
                .average()
                .ifPresent(mean -> at.agreement().add(position, mean));
        if (now.isBefore(nextLine)) {
            return;
        }
        nextLine = now.plus(console.interactive() ? LIVE_INTERVAL : PLAIN_INTERVAL);
        List<String> parts = new ArrayList<>();
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
        headline = String.join("  ", parts);
        if (console.interactive()) {
            console.live(panel());
        } else {
            console.line(headline);
        }
    }

    private static List<String> curves(Followed followed, StepCommitted step) {
        List<String> lines = new ArrayList<>();
        lines.add(
                curve(
                        "loss",
                        followed.loss(),
                        "learning rate %.3g".formatted(step.getLearningRate())));
        List<String> taps = new ArrayList<>();
        for (int i = 0; i < step.getAgreementCount(); i++) {
            String name =
                    i < followed.phase().getTapsCount()
                            ? followed.phase().getTaps(i)
                            : "tap " + (i + 1);
            taps.add(name + " " + percent(step.getAgreement(i)));
        }
        if (!taps.isEmpty()) {
            lines.add(curve("agreement", followed.agreement(), String.join(", ", taps)));
        }
        return lines;
    }

    private void evaluated(Evaluated evaluated) {
        if (!evaluations.isEmpty() && !evaluations.get(0).getTrack().equals(evaluated.getTrack())) {
            evaluations.clear();
        }
        evaluations.add(evaluated);
        console.live(panel());
    }

    /** Returns the live lines. */
    private String panel() {
        List<String> lines = new ArrayList<>();
        if (!headline.isEmpty()) {
            lines.add(headline);
        }
        if (followed != null) {
            lines.addAll(curves(followed, newest));
        }
        if (!evaluations.isEmpty()) {
            Sparkline accuracy = new Sparkline(CURVE_CELLS, ramp);
            for (int i = 0; i < evaluations.size(); i++) {
                accuracy.add(
                        (double) i / Math.max(CURVE_CELLS, evaluations.size()),
                        evaluations.get(i).getAccuracy());
            }
            Evaluated last = evaluations.get(evaluations.size() - 1);
            lines.add(
                    curve(
                            "accuracy",
                            accuracy,
                            "%s %s after %.1f epochs"
                                    .formatted(
                                            last.getTrack(),
                                            percent(last.getAccuracy()),
                                            last.getEpoch())));
        }
        speeds("students", workers.getStudentsList(), lines);
        speeds("teachers", workers.getTeachersList(), lines);
        return String.join("\n", lines);
    }

    private static void speeds(String who, List<RunWorkers.Worker> workers, List<String> lines) {
        if (!workers.isEmpty()) {
            lines.add(
                    "  %-9s  %s images/s"
                            .formatted(
                                    who,
                                    workers.stream()
                                            .map(
                                                    worker ->
                                                            "%s %.0f"
                                                                    .formatted(
                                                                            worker.getWorkerId(),
                                                                            worker
                                                                                    .getImagesPerSecond()))
                                            .collect(Collectors.joining(", "))));
        }
    }

    private static String curve(String what, Sparkline curve, String now) {
        return "  %-9s  %-32s  %s".formatted(what, curve.text(), now);
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
                followed ->
                        followed.phase().getTrack().equals(ended.getTrack())
                                && followed.phase().getPhase().equals(ended.getPhase()));
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

    private @Nullable Followed followedAt(long step) {
        return phases.stream()
                .filter(
                        followed ->
                                followed.phase().getStartStep() <= step
                                        && step < followed.phase().getEndStep())
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
