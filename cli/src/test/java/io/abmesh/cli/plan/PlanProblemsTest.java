package io.abmesh.cli.plan;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.cli.error.CliException;
import io.abmesh.cli.error.ExitCode;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.FieldViolation;
import io.abmesh.proto.error.MeshException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

final class PlanProblemsTest {

    private static final Path FILE = Path.of("plans/my.yaml");

    @Test
    void saysEachProblemWithItsLineAndKey() {
        MeshException refusal =
                new MeshException(ErrorReason.INVALID_PLAN, "2 problems")
                        .withFieldViolations(
                                List.of(
                                        new FieldViolation(
                                                "phases[0].losses[0].kind",
                                                "12:5: unknown kind: found=hinge"),
                                        new FieldViolation("seed", "--set: not a number: found=x"),
                                        new FieldViolation("", "3:1: unknown key: sede")));

        CliException error = PlanProblems.of(FILE, refusal);

        assertThat(error.exitCode()).isEqualTo(ExitCode.BAD_INPUT);
        assertThat(error.lines())
                .containsExactly(
                        "abmesh: 3 problems in the plan plans/my.yaml",
                        "plans/my.yaml:12:5: phases[0].losses[0].kind: unknown kind: found=hinge",
                        "--set: seed: not a number: found=x",
                        "plans/my.yaml:3:1: unknown key: sede");
    }

    @Test
    void saysThatAStudyIsNoPlan() {
        MeshException refusal =
                new MeshException(ErrorReason.INVALID_PLAN, "1 problem")
                        .withFieldViolations(
                                List.of(new FieldViolation("seeds", "4:1: no seed: found=[]")));

        assertThat(PlanProblems.ofStudy(FILE, refusal).lines())
                .containsExactly(
                        "abmesh: 1 problem in the study plans/my.yaml",
                        "plans/my.yaml:4:1: seeds: no seed: found=[]");
    }

    @Test
    void saysARefusalWithoutPlacesInOneLine() {
        MeshException refusal = new MeshException(ErrorReason.INVALID_PLAN, "too long");

        assertThat(PlanProblems.of(FILE, refusal).lines())
                .containsExactly("abmesh: plans/my.yaml: too long");
    }
}
