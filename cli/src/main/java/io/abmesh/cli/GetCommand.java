package io.abmesh.cli;

import static java.util.Objects.requireNonNull;

import io.abmesh.cli.cluster.ClusterClient;
import io.abmesh.cli.error.CliException;
import io.abmesh.cli.error.ExitCode;
import io.abmesh.cli.progress.Console;
import io.abmesh.cli.run.RunClient;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.ClusterRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code abmesh get}: fetches what a run on a cluster has left. */
@Command(
        name = "get",
        description = "Fetches the student and the report of a run on a cluster.",
        mixinStandardHelpOptions = true,
        versionProvider = VersionSource.class)
final class GetCommand implements Callable<Integer> {
    private static final List<String> FILES =
            List.of(
                    "student.onnx",
                    "student.dl4j.zip",
                    "report.json",
                    "report.html",
                    "metrics.jsonl",
                    "plan.yaml");

    @Parameters(index = "0", paramLabel = "RUN", description = "Name of the run.")
    private String run = "";

    @Option(
            names = "--out",
            paramLabel = "DIR",
            required = true,
            description = "Folder that gets the files; made if it is not there.")
    private @Nullable Path out;

    @Mixin private final ClusterArguments arguments = new ClusterArguments();

    @Override
    public Integer call() throws Exception {
        Path folder = requireNonNull(out, "--out");
        return arguments.ending(
                () -> {
                    try (ClusterClient cluster = arguments.cluster();
                            RunClient runs = arguments.runs()) {
                        ClusterRun found = cluster.get(run);
                        if (found.getRunId().isEmpty()) {
                            throw new CliException(
                                    ExitCode.BAD_INPUT,
                                    "run %s has not begun: %s".formatted(run, found.getMessage()));
                        }
                        fetch(runs, found.getRunId(), folder);
                        tellCopy(found);
                        return ExitCode.DONE.number();
                    }
                });
    }

    private static void tellCopy(ClusterRun run) {
        if (!run.getResultLocation().isEmpty()) {
            Consoles.standardOutput().line("copied to " + run.getResultLocation());
        } else if (!run.getResultFailure().isEmpty()) {
            Consoles.standardOutput()
                    .line("not in the object store yet: " + run.getResultFailure());
        }
    }

    private static void fetch(RunClient runs, String runId, Path folder) {
        Console console = Consoles.standardOutput();
        try {
            Files.createDirectories(folder);
            for (String name : FILES) {
                try {
                    runs.fetch(runId, name, folder.resolve(name));
                    console.line(folder.resolve(name).toString());
                } catch (MeshException e) {
                    if (e.reason() != ErrorReason.ARTIFACT_NOT_FOUND) {
                        throw e;
                    }
                    console.line("not there yet: " + name);
                }
            }
        } catch (IOException e) {
            throw new CliException(ExitCode.BAD_INPUT, "cannot write into " + folder + ": " + e, e);
        }
    }
}
