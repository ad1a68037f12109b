package io.abmesh.cli;

import io.abmesh.cli.cluster.ClusterClient;
import io.abmesh.cli.cluster.ClusterWatch;
import io.abmesh.cli.error.ExitCode;
import io.abmesh.cli.progress.Console;
import io.abmesh.cli.run.RunClient;
import java.time.Clock;
import java.time.ZoneId;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code abmesh watch}: follows a run on a cluster to its end. */
@Command(
        name = "watch",
        description = "Follows a run on a cluster to its end.",
        mixinStandardHelpOptions = true,
        versionProvider = VersionSource.class)
final class WatchCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "RUN", description = "Name of the run.")
    private String run = "";

    @Mixin private final ClusterArguments arguments = new ClusterArguments();

    @Override
    public Integer call() throws Exception {
        return arguments.ending(
                () -> {
                    Console console = Consoles.standardOutput();
                    try (ClusterClient cluster = arguments.cluster();
                            RunClient runs = arguments.runs()) {
                        new ClusterWatch(
                                        cluster,
                                        runs,
                                        console,
                                        Clock.system(ZoneId.systemDefault()))
                                .follow(run);
                        return ExitCode.DONE.number();
                    } finally {
                        console.settle();
                    }
                });
    }
}
