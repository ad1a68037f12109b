package io.abmesh.cli;

import io.abmesh.cli.cluster.ClusterClient;
import io.abmesh.cli.cluster.RunTable;
import io.abmesh.cli.error.ExitCode;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code abmesh list}: lists the runs of a cluster. */
@Command(
        name = "list",
        description = "Lists the runs of a cluster, oldest first.",
        mixinStandardHelpOptions = true,
        versionProvider = VersionSource.class)
final class ListCommand implements Callable<Integer> {
    @Mixin private final ClusterArguments arguments = new ClusterArguments();

    @Override
    public Integer call() throws Exception {
        return arguments.ending(
                () -> {
                    try (ClusterClient cluster = arguments.cluster()) {
                        RunTable.lines(cluster.list()).forEach(Consoles.standardOutput()::line);
                        return ExitCode.DONE.number();
                    }
                });
    }
}
