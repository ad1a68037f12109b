package io.abmesh.cli.study;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.sun.management.OperatingSystemMXBean;
import io.abmesh.cli.comparison.Comparison;
import io.abmesh.cli.comparison.ComparisonTable;
import io.abmesh.cli.comparison.Measured;
import io.abmesh.cli.comparison.Trial;
import io.abmesh.cli.error.CliException;
import io.abmesh.cli.error.ExitCode;
import io.abmesh.cli.mesh.Installation;
import io.abmesh.cli.plan.PlanText;
import io.abmesh.cli.progress.Console;
import io.abmesh.cli.run.PastRun;
import io.abmesh.cli.run.RunOptions;
import io.abmesh.cli.run.RunSession;
import io.abmesh.cli.run.StudyCheck;
import io.abmesh.proto.v1.ExpandStudyResponse;
import io.abmesh.proto.v1.StudyMethod;
import io.abmesh.proto.v1.StudyRun;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A study on this machine: checks every plan before anything starts, runs what is not done yet, and
 * makes the result anew after each run. What a run is, and how it is resumed, is {@link
 * RunSession}'s business.
 *
 * <p>{@link #run} is called once. {@link #interrupt} may come from another thread at any time.
 */
public final class StudySession {

    private final Installation installation;
    private final PlanText study;
    private final Path out;
    private final Console console;
    private final Clock clock;
    private final Object lock = new Object();

    /** What is known of each run; its place in the list is that in the study. */
    @GuardedBy("lock")
    private final List<Trial> trials = new ArrayList<>();

    @GuardedBy("lock")
    private final Set<RunSession> sessions = new HashSet<>();

    @GuardedBy("lock")
    private final Deque<Integer> open = new ArrayDeque<>();

    @GuardedBy("lock")
    private final List<CliException> failures = new ArrayList<>();

    @GuardedBy("lock")
    private boolean interrupted;

    /** Makes a study that has not started, with its folder at {@code out}. */
    public StudySession(
            Installation installation, PlanText study, Path out, Console console, Clock clock) {
        this.installation = installation;
        this.study = study;
        this.out = out;
        this.console = console;
        this.clock = clock;
    }

    /**
     * Checks the study and every plan of it.
     *
     * @return its runs, for {@link #show} and {@link #run}
     * @throws CliException if the study, its data, a teacher or the folder is bad
     */
    public ExpandStudyResponse check() throws InterruptedException {
        ExpandStudyResponse grid = StudyCheck.expand(installation, study);
        StudyWarnings.lines(grid.getRunsList()).forEach(console::line);
        checkModels(grid, trials(grid));
        return grid;
    }

    /** Shows the runs and an estimate of their time, and runs nothing. */
    public void show(ExpandStudyResponse grid) {
        List<Trial> known = trials(grid);
        console.line("%8s  %6s  %-31s  %8s  %s".formatted("images", "seed", "method", "steps", ""));
        for (int i = 0; i < known.size(); i++) {
            Trial trial = known.get(i);
            console.line(
                    format(
                            "%,8d  %6d  %-31s  %,8d  %s",
                            trial.trainCount(),
                            trial.seed(),
                            trial.method(),
                            grid.getRuns(i).getStepCount(),
                            trial.state()));
        }
        console.line(StudyEstimate.of(grid.getRunsList(), known, lanes(grid).count()));
    }

    /**
     * Runs to the end.
     *
     * @throws CliException if the folder is bad, before anything starts; or if a run failed, after
     *     all others are done
     * @throws InterruptedException if this thread is interrupted
     */
    public void run(ExpandStudyResponse grid) throws InterruptedException {
        try (StudyFolder folder = StudyFolder.take(out)) {
            run(grid, folder);
        } catch (IOException e) {
            throw new CliException(ExitCode.WORKER_FAILED, "study folder: " + e.getMessage(), e);
        }
    }

    /** Stops every process and keeps the state. */
    public void interrupt() {
        List<RunSession> running;
        synchronized (lock) {
            interrupted = true;
            running = List.copyOf(sessions);
        }
        running.forEach(RunSession::interrupt);
    }

    /** Runs that are done need no model any more. */
    private void checkModels(ExpandStudyResponse grid, List<Trial> known) {
        Set<String> models = new TreeSet<>();
        for (int i = 0; i < known.size(); i++) {
            if (known.get(i).measured().isEmpty()) {
                StudyModel.of(grid.getRuns(i), study.baseDirectory()).ifPresent(models::add);
            }
        }
        models.forEach(installation::model);
    }

    private void run(ExpandStudyResponse grid, StudyFolder folder)
            throws IOException, InterruptedException {
        List<Trial> known = trials(grid);
        folder.remember(study);
        synchronized (lock) {
            trials.addAll(known);
            for (int i = 0; i < known.size(); i++) {
                if (known.get(i).measured().isEmpty()) {
                    open.add(i);
                }
            }
            folder.publish(comparison(grid));
        }
        console.line(
                "%s: %d runs, results in %s"
                        .formatted(grid.getStudy().getName(), known.size(), folder.path()));
        Lanes lanes = lanes(grid);
        console.line(StudyEstimate.of(grid.getRunsList(), known, lanes.count()));
        if (lanes.count() < grid.getStudy().getParallel()) {
            console.line(
                    "%d at a time instead of %d: one run may take %,d MiB and wants a core"
                            .formatted(
                                    lanes.count(),
                                    grid.getStudy().getParallel(),
                                    Lanes.RUN_BYTES >> 20));
        }
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < lanes.count(); i++) {
            int lane = i;
            Thread thread =
                    new Thread(
                            () -> work(grid, folder, lane, lanes.threads()),
                            "abmesh-study-lane-" + lane);
            thread.start();
            threads.add(thread);
        }
        for (Thread thread : threads) {
            thread.join();
        }
        conclude(grid, folder);
    }

    /** Returns what is known of each run from its folder, if there is one. */
    private List<Trial> trials(ExpandStudyResponse grid) {
        List<Trial> found = new ArrayList<>();
        List<String> changed = new ArrayList<>();
        for (StudyRun run : grid.getRunsList()) {
            Trial trial = trial(run);
            Path folder = out.resolve(trial.folder());
            try {
                Optional<PastRun> past = PastRun.in(folder);
                if (past.isPresent() && !past.get().planSha256().equals(run.getPlanSha256())) {
                    changed.add(
                            "%s: found=%s, expected=%s"
                                    .formatted(
                                            folder, past.get().planSha256(), run.getPlanSha256()));
                } else if (past.isPresent() && past.get().finished()) {
                    trial = trial.done(Measured.read(folder, run.getBatch()));
                }
            } catch (IOException e) {
                throw new CliException(
                        ExitCode.BAD_INPUT,
                        "cannot read the run in %s: %s".formatted(folder, e),
                        e);
            }
            found.add(trial);
        }
        if (!changed.isEmpty()) {
            throw new CliException(
                    ExitCode.BAD_INPUT,
                    "the study has changed since these runs began; remove their folders, or name another with --out:",
                    changed);
        }
        return found;
    }

    private static Trial trial(StudyRun run) {
        String share = run.getFraction() == 0 ? "all" : String.valueOf(run.getFraction());
        return new Trial(
                run.getMethod(),
                run.getFraction(),
                run.getTrainCount(),
                run.getSeed(),
                "runs/%s-%s-s%d".formatted(run.getMethod(), share, run.getSeed()),
                run.getPlanSha256(),
                Optional.empty(),
                Optional.empty());
    }

    private void work(ExpandStudyResponse grid, StudyFolder folder, int lane, int threads) {
        for (Integer index = next(); index != null; index = next()) {
            Trial trial;
            synchronized (lock) {
                trial = trials.get(index);
            }
            StudyRun run = grid.getRuns(index);
            Path runFolder = folder.path().resolve(trial.folder());
            RunSession session =
                    new RunSession(
                            installation,
                            options(run, runFolder, folder.cache(lane), threads),
                            new RunConsole(
                                    folder.path().resolve(trial.folder() + ".log"),
                                    trial.folder(),
                                    console),
                            clock);
            long start = clock.millis();
            try {
                if (!begin(session)) {
                    return;
                }
                session.run();
                ended(grid, folder, index, trial.done(Measured.read(runFolder, run.getBatch())));
                say(trial, "done", start);
            } catch (CliException e) {
                failed(grid, folder, index, trial.failed(e.summary()), e, start);
            } catch (IOException | RuntimeException e) {
                CliException failure =
                        new CliException(ExitCode.WORKER_FAILED, "unexpected error: " + e, e);
                failed(grid, folder, index, trial.failed(failure.summary()), failure, start);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            } finally {
                synchronized (lock) {
                    sessions.remove(session);
                }
            }
        }
    }

    private @Nullable Integer next() {
        synchronized (lock) {
            return interrupted ? null : open.poll();
        }
    }

    private boolean begin(RunSession session) {
        synchronized (lock) {
            if (!interrupted) {
                sessions.add(session);
            }
            return !interrupted;
        }
    }

    private RunOptions options(StudyRun run, Path runFolder, Path cache, int threads) {
        PlanText plan =
                new PlanText(study.file(), study.baseDirectory(), run.getPlanYaml(), List.of());
        return new RunOptions(
                Optional.of(plan),
                Optional.of(runFolder),
                false,
                Optional.of(1),
                threads == 0 ? Optional.empty() : Optional.of(threads),
                Optional.of(1),
                Optional.of(cache),
                false);
    }

    private void failed(
            ExpandStudyResponse grid,
            StudyFolder folder,
            int index,
            Trial trial,
            CliException e,
            long start) {
        synchronized (lock) {
            if (interrupted) {
                return; // its state is kept
            }
            failures.add(e);
        }
        try {
            ended(grid, folder, index, trial);
        } catch (IOException unwritable) {
            synchronized (lock) {
                failures.add(
                        new CliException(
                                ExitCode.WORKER_FAILED,
                                "study folder: " + unwritable.getMessage(),
                                unwritable));
            }
        }
        say(trial, "failed: " + e.summary(), start);
    }

    private void ended(ExpandStudyResponse grid, StudyFolder folder, int index, Trial trial)
            throws IOException {
        synchronized (lock) {
            trials.set(index, trial);
            folder.publish(comparison(grid));
        }
    }

    private void say(Trial trial, String what, long start) {
        Duration took = Duration.ofMillis(clock.millis() - start);
        synchronized (lock) {
            long ended = trials.stream().filter(t -> !t.state().equals("open")).count();
            synchronized (console) {
                console.line(
                        "[%d/%d] %s: %s, %s"
                                .formatted(ended, trials.size(), trial.folder(), what, time(took)));
            }
        }
    }

    private void conclude(ExpandStudyResponse grid, StudyFolder folder) {
        synchronized (lock) {
            if (interrupted) {
                throw new CliException(ExitCode.INTERRUPTED, "the study was interrupted");
            }
            console.line("");
            ComparisonTable.lines(comparison(grid)).forEach(console::line);
            console.line("");
            console.line("page     " + folder.path().resolve("comparison.html"));
            if (failures.isEmpty()) {
                return;
            }
            List<String> lines =
                    trials.stream()
                            .filter(t -> t.failure().isPresent())
                            .map(t -> t.folder() + ": " + t.failure().get())
                            .toList();
            boolean userCanMend =
                    failures.stream().allMatch(f -> f.exitCode() == ExitCode.BAD_INPUT);
            throw new CliException(
                    userCanMend ? ExitCode.BAD_INPUT : ExitCode.WORKER_FAILED,
                    "%d of %d runs failed; the same command tries them again:"
                            .formatted(lines.size(), trials.size()),
                    lines);
        }
    }

    @GuardedBy("lock")
    private Comparison comparison(ExpandStudyResponse grid) {
        return new Comparison(
                grid.getStudy().getName(),
                grid.getStudy().getBaseline(),
                grid.getStudy().getMethodsList().stream().map(StudyMethod::getName).toList(),
                trials);
    }

    private static Lanes lanes(ExpandStudyResponse grid) {
        return Lanes.of(
                grid.getStudy().getParallel(),
                Runtime.getRuntime().availableProcessors(),
                memoryBytes());
    }

    private static long memoryBytes() {
        return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class)
                .getTotalMemorySize();
    }

    private static String time(Duration duration) {
        return "%d:%02d:%02d"
                .formatted(duration.toHours(), duration.toMinutesPart(), duration.toSecondsPart());
    }

    private static String format(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
