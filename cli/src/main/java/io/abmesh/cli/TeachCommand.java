package io.abmesh.cli;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code abmesh teach}: trains a network with labels only, to be a teacher. */
@Command(
        name = "teach",
        description = {
            "Trains the network of a plan that has no teacher, with labels only.",
            "Its student.onnx is a teacher for other plans; report.json tells where it comes from."
        },
        mixinStandardHelpOptions = true,
        versionProvider = VersionSource.class)
final class TeachCommand implements Callable<Integer> {

    @Parameters(
            index = "0",
            arity = "0..1",
            paramLabel = "PLAN",
            description = "The plan, a YAML file without teacher. Not needed with --resume.")
    private @Nullable Path plan;

    @Mixin private final RunArguments arguments = new RunArguments();

    @Override
    public Integer call() throws InterruptedException {
        return RunLauncher.launch(arguments.options(plan, null, null, true), "teach");
    }
}
