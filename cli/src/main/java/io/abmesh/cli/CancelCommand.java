package io.abmesh.cli;

import io.abmesh.cli.cluster.ClusterClient;
import io.abmesh.cli.error.ExitCode;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code abmesh cancel}: ends a run on a cluster. */
@Command(
        name = "cancel",
        description = "Ends a run on a cluster; what it has reached stays.",
        mixinStandardHelpOptions = true,
        versionProvider = VersionSource.class)
final class CancelCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "RUN", description = "Name of the run.")
    private String run = "";

    @Mixin private final ClusterArguments arguments = new ClusterArguments();

    @Override
    public Integer call() throws Exception {
        return ClusterArguments.ending(
                () -> {
                    try (ClusterClient cluster = arguments.cluster()) {
                        cluster.cancel(run);
                        return ExitCode.DONE.number();
                    }
                });
    }
}
