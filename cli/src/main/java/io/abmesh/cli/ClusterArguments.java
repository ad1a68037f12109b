package io.abmesh.cli;

import io.abmesh.cli.cluster.ClusterClient;
import io.abmesh.cli.run.RunClient;
import io.abmesh.cli.run.RunFailure;
import io.abmesh.proto.error.MeshException;
import java.util.concurrent.Callable;
import picocli.CommandLine.Option;

/** Where the coordinator of a cluster is; of every command that talks to one. */
final class ClusterArguments {
    @Option(
            names = "--coordinator",
            paramLabel = "HOST:PORT",
            defaultValue = "${env:ABMESH_COORDINATOR:-127.0.0.1:7700}",
            description = {
                "The coordinator: its Service, or where kubectl forwards its port;",
                "ABMESH_COORDINATOR or 127.0.0.1:7700 unless said."
            })
    private String coordinator = "";

    /** Made by picocli only. */
    ClusterArguments() {}

    ClusterClient cluster() {
        return new ClusterClient(coordinator);
    }

    RunClient runs() {
        return new RunClient(coordinator);
    }

    /** Does what a command does; an error of the mesh ends it as any error of the command. */
    static int ending(Callable<Integer> command) throws Exception {
        try {
            return command.call();
        } catch (MeshException e) {
            throw RunFailure.of(e);
        }
    }
}
