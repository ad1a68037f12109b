package io.abmesh.cli;

import io.abmesh.cli.error.CliException;
import io.abmesh.cli.error.ExitCode;
import io.abmesh.cli.plan.PlanText;
import io.abmesh.cli.run.RunOptions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What {@code run} and {@code teach} have in common. */
final class RunArguments {
    private static final int MAX_WORKERS = 64;

    @Option(
            names = "--out",
            paramLabel = "DIR",
            description = {
                "Folder for the results; runs/PLAN-TIME unless said.",
                "If it holds a run of the same plan, that run is resumed."
            })
    private @Nullable Path out;

    @Option(
            names = "--resume",
            paramLabel = "DIR",
            description = "Go on with the run in DIR after its last checkpoint.")
    private @Nullable Path resume;

    @Option(
            names = "--students",
            paramLabel = "N",
            description = {
                "Student-workers to start; 1 unless said.",
                "They share the micro-batches of a step; the result has the same bits for any number."
            })
    private @Nullable Integer students;

    @Option(
            names = "--set",
            paramLabel = "KEY=VALUE",
            description = {
                "Change the plan, for example --set phases[0].epochs=2. May be repeated.",
                "A relative path is relative to the plan."
            })
    private List<String> changes = List.of();

    @Option(names = "--seed", paramLabel = "N", description = "Same as --set seed=N.")
    private @Nullable Long seed;

    /** Returns what is asked, with the plan read. */
    RunOptions options(
            @Nullable Path plan, @Nullable Integer teachers, @Nullable Path cache, boolean teach) {
        requireWorkers("--students", students);
        requireWorkers("--teachers", teachers);
        if (out != null && resume != null) {
            throw bad("--out and --resume exclude each other: --resume DIR names the folder");
        }
        List<String> overrides = new ArrayList<>(changes);
        if (seed != null) {
            overrides.add("seed=" + seed);
        }
        if (plan == null && resume == null) {
            throw bad("no plan: name a file, or resume a run with --resume DIR");
        }
        if (plan == null && !overrides.isEmpty()) {
            throw bad("--set and --seed need a PLAN: a run is resumed as it was begun");
        }
        return new RunOptions(
                Optional.ofNullable(plan).map(file -> PlanText.read(file, overrides)),
                Optional.ofNullable(resume != null ? resume : out),
                resume != null,
                Optional.ofNullable(students),
                Optional.empty(),
                Optional.ofNullable(teachers),
                Optional.ofNullable(cache),
                teach);
    }

    private static void requireWorkers(String option, @Nullable Integer found) {
        if (found != null && (found < 1 || found > MAX_WORKERS)) {
            throw bad("%s: found=%d, expected=1 to %d".formatted(option, found, MAX_WORKERS));
        }
    }

    private static CliException bad(String message) {
        return new CliException(ExitCode.BAD_INPUT, message);
    }
}
