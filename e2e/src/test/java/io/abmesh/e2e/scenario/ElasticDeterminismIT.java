package io.abmesh.e2e.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.e2e.harness.AbmeshCommand;
import io.abmesh.e2e.harness.AbmeshCommand.Outcome;
import io.abmesh.e2e.harness.Report;
import io.abmesh.e2e.harness.TinyPlan;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** However many students and teachers share the work, the result has the same bits. */
@TestInstance(Lifecycle.PER_CLASS)
final class ElasticDeterminismIT {
    private Path folder = Path.of("");
    private String alone = "";

    @BeforeAll
    void runWithOneOfEach(@TempDir Path temporary) throws IOException, InterruptedException {
        folder = temporary;
        TinyPlan.write(folder);
        run("alone", 1, 1);
        alone = Report.of(folder.resolve("alone")).text("parametersSha256");
    }

    @ParameterizedTest(name = "{0} students, {1} teachers")
    @CsvSource({"2, 1", "3, 2", "4, 1"})
    void anyNumberOfStudentsAndTeachersEndsInTheParametersOfOne(int students, int teachers)
            throws IOException, InterruptedException {
        assertSame(students, teachers);
    }

    @Tag("long")
    @ParameterizedTest(name = "{0} students, {1} teachers")
    @CsvSource({"1, 2", "2, 2", "3, 1", "4, 2", "8, 2"})
    void soDoesEveryOther(int students, int teachers) throws IOException, InterruptedException {
        assertSame(students, teachers);
    }

    @Test
    void aStudentMoreThanThereAreMicroBatchesIsSaidToBeIdle()
            throws IOException, InterruptedException {
        Outcome outcome =
                AbmeshCommand.run(folder, "run", "plan.yaml", "--out", "idle", "--students", "2")
                        .requireExit(0);

        assertThat(outcome.output())
                .anyMatch(
                        line ->
                                line.contains(
                                        "2 students share 1 micro-batches: 1 compute nothing"));
    }

    private void assertSame(int students, int teachers) throws IOException, InterruptedException {
        String out = students + "-students-" + teachers + "-teachers";

        Outcome outcome = run(out, students, teachers);

        Report report = Report.of(folder.resolve(out));
        assertThat(report.text("parametersSha256")).as("%s", outcome.output()).isEqualTo(alone);
        assertThat(report.number("ledger", "stepsCommitted")).isEqualTo(TinyPlan.STEPS);
    }

    private Outcome run(String out, int students, int teachers)
            throws IOException, InterruptedException {
        return AbmeshCommand.run(
                        folder,
                        "run",
                        "plan.yaml",
                        "--out",
                        out,
                        "--set",
                        "microBatches=4",
                        "--students",
                        String.valueOf(students),
                        "--teachers",
                        String.valueOf(teachers))
                .requireExit(0);
    }
}
