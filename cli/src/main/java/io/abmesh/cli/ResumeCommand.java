package io.abmesh.cli;

import io.abmesh.cli.cluster.ClusterClient;
import io.abmesh.cli.error.ExitCode;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code abmesh resume}: has a run on a cluster go on. */
@Command(
        name = "resume",
        description = "Has a run on a cluster go on where it stands still.",
        mixinStandardHelpOptions = true,
        versionProvider = VersionSource.class)
final class ResumeCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "RUN", description = "Name of the run.")
    private String run = "";

    @Mixin private final ClusterArguments arguments = new ClusterArguments();

    @Override
    public Integer call() throws Exception {
        return ClusterArguments.ending(
                () -> {
                    try (ClusterClient cluster = arguments.cluster()) {
                        cluster.suspend(run, false);
                        return ExitCode.DONE.number();
                    }
                });
    }
}
