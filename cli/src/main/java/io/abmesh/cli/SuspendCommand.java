package io.abmesh.cli;

import io.abmesh.cli.cluster.ClusterClient;
import io.abmesh.cli.error.ExitCode;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code abmesh suspend}: has a run on a cluster stand still. */
@Command(
        name = "suspend",
        description =
                "Has a run on a cluster stand still; its workers stop, what it has reached stays.",
        mixinStandardHelpOptions = true,
        versionProvider = VersionSource.class)
final class SuspendCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "RUN", description = "Name of the run.")
    private String run = "";

    @Mixin private final ClusterArguments arguments = new ClusterArguments();

    @Override
    public Integer call() throws Exception {
        return ClusterArguments.ending(
                () -> {
                    try (ClusterClient cluster = arguments.cluster()) {
                        cluster.suspend(run, true);
                        return ExitCode.DONE.number();
                    }
                });
    }
}
