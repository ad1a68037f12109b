package io.abmesh.cli;

import static java.util.Objects.requireNonNull;

import io.abmesh.cli.cluster.ClusterClient;
import io.abmesh.cli.error.ExitCode;
import io.abmesh.cli.plan.PlanProblems;
import io.abmesh.cli.plan.PlanText;
import io.abmesh.cli.progress.Console;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.SubmitClusterRunResponse;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code abmesh submit}: makes a run on a cluster. */
@Command(
        name = "submit",
        description = {
            "Makes a run on a cluster. Relative paths of the plan are relative to the cluster's data volume."
        },
        mixinStandardHelpOptions = true,
        versionProvider = VersionSource.class)
final class SubmitCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "PLAN", description = "The plan, a YAML file.")
    private @Nullable Path plan;

    @Option(
            names = "--name",
            paramLabel = "RUN",
            defaultValue = "",
            description = "Name of the run; the plan's unless said.")
    private String name = "";

    @Option(
            names = "--students",
            paramLabel = "N",
            defaultValue = "0",
            description = "Student-workers.")
    private int students;

    @Option(
            names = "--min-teachers",
            paramLabel = "N",
            defaultValue = "0",
            description = "Fewest teacher-workers.")
    private int minTeachers;

    @Option(
            names = "--max-teachers",
            paramLabel = "N",
            defaultValue = "0",
            description = "Most teacher-workers.")
    private int maxTeachers;

    @Option(
            names = "--set",
            paramLabel = "KEY=VALUE",
            description = "Change the plan first. May be repeated.")
    private List<String> changes = List.of();

    @Mixin private final ClusterArguments arguments = new ClusterArguments();

    @Override
    public Integer call() throws Exception {
        PlanText text = PlanText.read(requireNonNull(plan, "PLAN"), changes);
        Console console = Consoles.standardOutput();
        return arguments.ending(
                () -> {
                    try (ClusterClient cluster = arguments.cluster()) {
                        SubmitClusterRunResponse made =
                                cluster.submit(
                                        name,
                                        text,
                                        new ClusterClient.Workers(
                                                students, minTeachers, maxTeachers));
                        made.getWarningsList().forEach(w -> console.line("warning: " + w));
                        console.line("run " + made.getRun().getName());
                        return ExitCode.DONE.number();
                    } catch (MeshException e) {
                        throw e.reason() == ErrorReason.INVALID_PLAN
                                ? PlanProblems.of(text.file(), e)
                                : e;
                    }
                });
    }
}
