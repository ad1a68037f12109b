package io.abmesh.cli.run;

import io.abmesh.cli.error.CliException;
import io.abmesh.cli.error.ExitCode;
import io.abmesh.cli.mesh.Installation;
import io.abmesh.cli.plan.PlanProblems;
import io.abmesh.cli.plan.PlanText;
import io.abmesh.cli.progress.Console;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.transport.MeshSecurity;
import io.abmesh.proto.v1.ValidatePlanResponse;
import java.io.IOException;

/** Lets a coordinator check a plan, in a folder that is removed after. */
public final class PlanCheck {

    private PlanCheck() {}

    /**
     * Checks a plan and prints what came of it.
     *
     * @throws CliException with a line for each problem, if there is any
     */
    public static void check(Installation installation, PlanText plan, Console console)
            throws InterruptedException {
        try (TemporaryMesh temporary = TemporaryMesh.create(installation)) {
            int port =
                    temporary.mesh().startAndAwait(temporary.specs().coordinator(0, 0)).grpcPort();
            try (RunClient client =
                    new RunClient(MeshSpecs.HOST + ":" + port, MeshSecurity.plainText())) {
                ValidatePlanResponse good = client.validate(plan);
                good.getWarningsList().forEach(warning -> console.line("warning: " + warning));
                console.line("%s is good: plan %s".formatted(plan.file(), good.getPlanSha256()));
            }
        } catch (MeshException e) {
            throw e.reason() == ErrorReason.INVALID_PLAN
                    ? PlanProblems.of(plan.file(), e)
                    : RunFailure.of(e);
        } catch (IOException e) {
            throw new CliException(
                    ExitCode.WORKER_FAILED, "temporary folder: " + e.getMessage(), e);
        }
    }
}
