package io.abmesh.cli;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code abmesh run}: distils on this machine. */
@Command(
        name = "run",
        description = {
            "Runs a plan on this machine: starts a coordinator, teacher-workers and student-workers, and shows progress.",
            "The folder of results gets student.onnx, student.dl4j.zip, report.json, report.html, metrics.jsonl and checkpoint/."
        },
        mixinStandardHelpOptions = true,
        versionProvider = VersionSource.class)
final class RunCommand implements Callable<Integer> {

    @Parameters(
            index = "0",
            arity = "0..1",
            paramLabel = "PLAN",
            description = "The plan, a YAML file. Not needed with --resume.")
    private @Nullable Path plan;

    @Option(
            names = "--teachers",
            paramLabel = "N",
            description = "Teacher-workers to start; 1 unless said.")
    private @Nullable Integer teachers;

    @Option(
            names = "--cache",
            paramLabel = "DIR",
            description =
                    "Folder of the teachers' boundary cache; DIR/cache of the results unless said.")
    private @Nullable Path cache;

    @Mixin private final RunArguments arguments = new RunArguments();

    @Override
    public Integer call() throws InterruptedException {
        return RunLauncher.launch(arguments.options(plan, teachers, cache, false), "run");
    }
}
