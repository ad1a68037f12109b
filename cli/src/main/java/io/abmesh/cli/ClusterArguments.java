package io.abmesh.cli;

import io.abmesh.cli.cluster.ClusterClient;
import io.abmesh.cli.error.CliException;
import io.abmesh.cli.error.ExitCode;
import io.abmesh.cli.run.RunClient;
import io.abmesh.cli.run.RunFailure;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.identity.MeshRole;
import io.abmesh.proto.transport.MeshSecurity;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Where the coordinator of a cluster is, and who asks it; of every command that talks to one. */
final class ClusterArguments {
    /** A host, one of IPv6 in brackets, and a port. */
    private static final Pattern ADDRESS =
            Pattern.compile("(?:[A-Za-z0-9._-]+|\\[[0-9A-Fa-f:.%]+]):(\\d{1,5})");

    private static final int MAX_PORT = 65_535;

    @Option(
            names = "--coordinator",
            paramLabel = "HOST:PORT",
            defaultValue = "${env:ABMESH_COORDINATOR:-127.0.0.1:7700}",
            description = {
                "The coordinator: its Service, or where kubectl forwards its port;",
                "ABMESH_COORDINATOR or 127.0.0.1:7700 unless said."
            })
    private String coordinator = "";

    @Option(
            names = "--tls",
            paramLabel = "DIR",
            defaultValue = "${env:ABMESH_TLS}",
            description = {
                "Folder with tls.crt, tls.key and ca.crt, which name a client;",
                "ABMESH_TLS unless said; without one plain text, to this machine only."
            })
    private @Nullable Path tls;

    /** Made by picocli only. */
    ClusterArguments() {}

    ClusterClient cluster() {
        return new ClusterClient(address(), security());
    }

    RunClient runs() {
        return new RunClient(address(), security());
    }

    private String address() {
        Matcher matcher = ADDRESS.matcher(coordinator);
        int port = matcher.matches() ? Integer.parseInt(matcher.group(1)) : 0;
        if (port < 1 || port > MAX_PORT) {
            throw new CliException(
                    ExitCode.BAD_INPUT,
                    "--coordinator: found=%s, expected=HOST:PORT".formatted(coordinator));
        }
        return coordinator;
    }

    private MeshSecurity security() {
        return MeshSecurity.of(MeshRole.CLIENT, Optional.ofNullable(tls));
    }

    /** Does what a command does; an error of the mesh ends it as any error of the command. */
    int ending(Callable<Integer> command) throws Exception {
        try {
            return command.call();
        } catch (MeshException e) {
            if (e.reason() == ErrorReason.TRANSPORT_UNAVAILABLE) {
                throw new CliException(
                        ExitCode.WORKER_FAILED,
                        "no coordinator at %s (--coordinator): %s"
                                .formatted(coordinator, e.getMessage()),
                        e);
            }
            throw RunFailure.of(e);
        }
    }
}
