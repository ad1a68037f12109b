package io.abmesh.cli.run;

import io.abmesh.cli.error.CliException;
import io.abmesh.cli.mesh.Installation;
import io.abmesh.cli.plan.PlanProblems;
import io.abmesh.cli.plan.PlanText;
import io.abmesh.proto.v1.ExpandStudyResponse;

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
        return TemporaryCoordinator.ask(
                installation,
                client -> client.expand(study),
                refusal -> PlanProblems.ofStudy(study.file(), refusal));
    }
}
