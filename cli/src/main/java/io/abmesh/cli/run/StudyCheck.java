package io.abmesh.cli.run;

import io.abmesh.cli.error.CliException;
import io.abmesh.cli.error.ExitCode;
import io.abmesh.cli.mesh.Installation;
import io.abmesh.cli.plan.PlanProblems;
import io.abmesh.cli.plan.PlanText;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.transport.MeshSecurity;
import io.abmesh.proto.v1.ExpandStudyResponse;
import java.io.IOException;

/** Lets a coordinator check a study, in a folder that is removed after. */
public final class StudyCheck {

    private StudyCheck() {}

    /**
     * Checks a study and returns its runs.
     *
     * @throws CliException with a line for each problem, if there is any
     */
    public static ExpandStudyResponse expand(Installation installation, PlanText study)
            throws InterruptedException {
        try (TemporaryMesh temporary = TemporaryMesh.create(installation)) {
            int port =
                    temporary.mesh().startAndAwait(temporary.specs().coordinator(0, 0)).grpcPort();
            try (RunClient client =
                    new RunClient(MeshSpecs.HOST + ":" + port, MeshSecurity.plainText())) {
                return client.expand(study);
            }
        } catch (MeshException e) {
            throw e.reason() == ErrorReason.INVALID_PLAN
                    ? PlanProblems.ofStudy(study.file(), e)
                    : RunFailure.of(e);
        } catch (IOException e) {
            throw new CliException(
                    ExitCode.WORKER_FAILED, "temporary folder: " + e.getMessage(), e);
        }
    }
}
