package io.abmesh.cli.run;

import io.abmesh.cli.error.CliException;
import io.abmesh.cli.error.ExitCode;
import io.abmesh.cli.mesh.Installation;
import io.abmesh.cli.mesh.LocalMesh;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.grpc.StatusRuntimeException;
import java.io.IOException;

/** Runs a teacher-worker that belongs to no mesh, for as long as somebody talks to it. */
public final class StandAloneTeacher {

    /** Talks to a teacher-worker. */
    @FunctionalInterface
    public interface Conversation {

        /** Talks to the worker at {@code address}. */
        void with(String address) throws InterruptedException;
    }

    private StandAloneTeacher() {}

    /**
     * Starts a worker on {@code model}, has the conversation and stops the worker.
     *
     * @throws CliException if the worker does not start, or refuses what it is asked
     */
    public static void with(
            Installation installation, String model, boolean trusted, Conversation conversation)
            throws InterruptedException {
        try (TemporaryMesh temporary = TemporaryMesh.create(installation)) {
            LocalMesh mesh = temporary.mesh();
            int port =
                    mesh.startAndAwait(temporary.specs().standAloneTeacher(model, trusted))
                            .grpcPort();
            conversation.with(MeshSpecs.HOST + ":" + port);
        } catch (MeshException e) {
            throw RunFailure.of(e);
        } catch (StatusRuntimeException e) {
            throw RunFailure.of(ErrorStatuses.fromThrowable(e));
        } catch (IOException e) {
            throw new CliException(
                    ExitCode.WORKER_FAILED, "temporary folder: " + e.getMessage(), e);
        }
    }
}
