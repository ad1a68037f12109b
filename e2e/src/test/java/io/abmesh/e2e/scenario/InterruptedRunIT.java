package io.abmesh.e2e.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.e2e.harness.AbmeshCommand;
import io.abmesh.e2e.harness.AbmeshCommand.Outcome;
import io.abmesh.e2e.harness.MeshProbe;
import io.abmesh.e2e.harness.Report;
import io.abmesh.e2e.harness.TinyPlan;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * However a run is interrupted, it ends in the same parameters, bit for bit, as one that never was.
 */
@TestInstance(Lifecycle.PER_CLASS)
final class InterruptedRunIT {

    private Path folder = Path.of("");
    private String undisturbed = "";

    @BeforeAll
    void runWithoutInterruption(@TempDir Path temporary) throws IOException, InterruptedException {
        folder = temporary;
        TinyPlan.write(folder);
        AbmeshCommand.run(folder, "run", "plan.yaml", "--out", "undisturbed").requireExit(0);
        undisturbed = Report.of(folder.resolve("undisturbed")).text("parametersSha256");
    }

    /** A step in the baseline's track, in the boundary phase and in the last phase. */
    @ParameterizedTest
    @ValueSource(longs = {5, 19, 28})
    void resumesAfterEveryProcessWasKilled(long step) throws IOException, InterruptedException {
        String out = "killed-at-" + step;
        try (AbmeshCommand command = begin(out)) {
            MeshProbe mesh = MeshProbe.of(folder.resolve(out));
            mesh.awaitStep(step);
            command.kill();
            mesh.kill("student-0");
            mesh.kill("teacher-0");
            mesh.kill("coordinator-0");
        }

        AbmeshCommand.run(folder, "run", "--resume", out).requireExit(0);

        assertSameParameters(out);
    }

    @ParameterizedTest
    @ValueSource(strings = {"student-0", "teacher-0", "coordinator-0"})
    void goesOnByItselfWhenOneProcessIsKilled(String process)
            throws IOException, InterruptedException {
        String out = "without-" + process;
        try (AbmeshCommand command = begin(out)) {
            MeshProbe mesh = MeshProbe.of(folder.resolve(out));
            mesh.awaitStep(19);
            mesh.kill(process);

            Outcome outcome = command.await().requireExit(0);

            assertThat(outcome.output())
                    .anyMatch(line -> line.contains("starting it again (1 of 3)"));
        }
        assertSameParameters(out);
    }

    @Test
    void asksToBeResumedWhenItIsInterrupted() throws IOException, InterruptedException {
        String out = "interrupted";
        try (AbmeshCommand command = begin(out)) {
            MeshProbe mesh = MeshProbe.of(folder.resolve(out));
            mesh.awaitStep(10);
            command.terminate();

            Outcome outcome = command.await().requireExit(130);

            assertThat(outcome.errors())
                    .contains(
                            "abmesh: resume with: ./abmesh run --resume '%s'"
                                    .formatted(folder.resolve(out)));
            mesh.awaitEndOfChildren();
            assertThat(folder.resolve(out).resolve("mesh.json")).doesNotExist();
        }
        AbmeshCommand.run(folder, "run", "--resume", out).requireExit(0);

        assertSameParameters(out);
    }

    @Test
    void noProcessOutlivesAKilledCommand() throws IOException {
        String out = "orphaned";
        try (AbmeshCommand command = begin(out)) {
            MeshProbe mesh = MeshProbe.of(folder.resolve(out));
            mesh.awaitStep(3);

            command.kill();

            mesh.awaitEndOfChildren();
        }
    }

    private AbmeshCommand begin(String out) throws IOException {
        AbmeshCommand command = AbmeshCommand.start(folder, "run", "plan.yaml", "--out", out);
        command.awaitLine("started ");
        return command;
    }

    private void assertSameParameters(String out) throws IOException {
        assertThat(Report.of(folder.resolve(out)).text("parametersSha256")).isEqualTo(undisturbed);
    }
}
