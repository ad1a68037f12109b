package io.abmesh.cli;

import io.abmesh.cli.cluster.ClusterClient;
import io.abmesh.cli.error.ExitCode;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** Commands that tell the coordinator of a cluster what is to become of a run. */
abstract sealed class RunOrder implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "RUN", description = "Name of the run.")
    private String run = "";

    @Mixin private final ClusterArguments arguments = new ClusterArguments();

    /** Tells it. */
    abstract void give(ClusterClient cluster, String run);

    @Override
    public Integer call() throws Exception {
        return arguments.ending(
                () -> {
                    try (ClusterClient cluster = arguments.cluster()) {
                        give(cluster, run);
                        return ExitCode.DONE.number();
                    }
                });
    }

    /** {@code abmesh cancel}. */
    @Command(
            name = "cancel",
            description = "Ends a run on a cluster; what it has reached stays.",
            mixinStandardHelpOptions = true,
            versionProvider = VersionSource.class)
    static final class Cancel extends RunOrder {
        @Override
        void give(ClusterClient cluster, String run) {
            cluster.cancel(run);
        }
    }

    /** {@code abmesh suspend}. */
    @Command(
            name = "suspend",
            description =
                    "Has a run on a cluster stand still; its workers stop, what it has reached stays.",
            mixinStandardHelpOptions = true,
            versionProvider = VersionSource.class)
    static final class Suspend extends RunOrder {
        @Override
        void give(ClusterClient cluster, String run) {
            cluster.suspend(run, true);
        }
    }

    /** {@code abmesh resume}. */
    @Command(
            name = "resume",
            description = "Has a run on a cluster go on where it stands still.",
            mixinStandardHelpOptions = true,
            versionProvider = VersionSource.class)
    static final class Resume extends RunOrder {
        @Override
        void give(ClusterClient cluster, String run) {
            cluster.suspend(run, false);
        }
    }
}
