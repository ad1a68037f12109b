package io.abmesh.cli.run;

import io.abmesh.cli.error.CliException;
import io.abmesh.cli.error.ExitCode;
import io.abmesh.cli.mesh.Installation;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.transport.MeshSecurity;
import java.io.IOException;
import java.util.function.Function;

/** A coordinator that answers one question, in a folder that is removed after. */
final class TemporaryCoordinator {
    private TemporaryCoordinator() {}

    /**
     * Starts one and asks it.
     *
     * @param refusal what a refusal of the user's text comes to
     * @throws CliException that one, or why the coordinator does not answer
     */
    static <T> T ask(
            Installation installation,
            Function<RunClient, T> question,
            Function<MeshException, CliException> refusal)
            throws InterruptedException {
        try (TemporaryMesh temporary = TemporaryMesh.create(installation)) {
            int port =
                    temporary.mesh().startAndAwait(temporary.specs().coordinator(0, 0)).grpcPort();
            try (RunClient client =
                    new RunClient(MeshSpecs.HOST + ":" + port, MeshSecurity.plainText())) {
                return question.apply(client);
            }
        } catch (MeshException e) {
            throw e.reason() == ErrorReason.INVALID_PLAN ? refusal.apply(e) : RunFailure.of(e);
        } catch (IOException e) {
            throw new CliException(
                    ExitCode.WORKER_FAILED, "temporary folder: " + e.getMessage(), e);
        }
    }
}
