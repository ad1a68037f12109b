package io.abmesh.cli.run;

import io.abmesh.cli.error.CliException;
import io.abmesh.cli.mesh.Installation;
import io.abmesh.cli.plan.PlanProblems;
import io.abmesh.cli.plan.PlanText;
import io.abmesh.cli.progress.Console;
import io.abmesh.proto.v1.ValidatePlanResponse;

/** Lets a coordinator check a plan, in a folder that is removed after. */
public final class PlanCheck {

    private PlanCheck() {}

    /**
     * Checks a plan and prints what came of it.
     *
     * @throws CliException with a line for each problem, if there is any, or if the teacher's model
     *     is not there
     */
    public static void check(Installation installation, PlanText plan, Console console)
            throws InterruptedException {
        ValidatePlanResponse good =
                TemporaryCoordinator.ask(
                        installation,
                        client -> client.validate(plan),
                        refusal -> PlanProblems.of(plan.file(), refusal));
        good.getWarningsList().forEach(warning -> console.line("warning: " + warning));
        if (good.getPlan().hasTeacher()) {
            installation.model(good.getPlan().getTeacher().getModel());
        }
        console.line("%s is good: plan %s".formatted(plan.file(), good.getPlanSha256()));
    }
}
