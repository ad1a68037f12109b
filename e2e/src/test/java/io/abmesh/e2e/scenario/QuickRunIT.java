package io.abmesh.e2e.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.e2e.harness.AbmeshCommand;
import io.abmesh.e2e.harness.AbmeshCommand.Outcome;
import io.abmesh.e2e.harness.Report;
import io.abmesh.e2e.harness.TinyOnnx;
import io.abmesh.e2e.harness.TinyPlan;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.io.TempDir;

/** One run of the tiny plan, and what it must leave. */
@TestInstance(Lifecycle.PER_CLASS)
final class QuickRunIT {

    private Path temporary = Path.of("");
    private Path out = Path.of("");
    private Outcome outcome = new Outcome(-1, List.of(), List.of());

    @BeforeAll
    void runTheTinyPlan(@TempDir Path fresh) throws IOException, InterruptedException {
        temporary = fresh;
        Path folder = temporary.resolve("with a space");
        TinyPlan.write(folder);
        out = folder.resolve("out");
        // Paths are relative to the user's folder.
        outcome = AbmeshCommand.run(folder, "run", "plan.yaml", "--out", "out").requireExit(0);
    }

    @Test
    void oneCommandLeavesAStudentAndItsReport() {
        assertThat(out.resolve("student.onnx")).isNotEmptyFile();
        assertThat(out.resolve("student.dl4j.zip")).isNotEmptyFile();
        assertThat(out.resolve("report.html")).isNotEmptyFile();
        assertThat(out.resolve("metrics.jsonl")).isNotEmptyFile();
        assertThat(out.resolve("checkpoint")).isNotEmptyDirectory();
        assertThat(out.resolve("mesh.json")).doesNotExist();
    }

    @Test
    void theReportHasEveryPromisedNumber() throws IOException {
        Report report = Report.of(out);

        assertThat(report.number("baseline", "accuracy")).isBetween(0.0, 1.0);
        assertThat(report.number("distilled", "accuracy")).isBetween(0.0, 1.0);
        assertThat(report.value("agreement").getStructValue().getFieldsMap()).hasSize(3);
        assertThat(report.value("imagesPerSecond").getStructValue().getFieldsMap()).isNotEmpty();
        assertThat(report.number("cacheHitRatio")).isBetween(0.0, 1.0);
        assertThat(report.text("parametersSha256")).matches("[0-9a-f]{64}");
        assertThat(report.text("planSha256")).matches("[0-9a-f]{64}");
        assertThat(report.number("parameters")).isGreaterThan(70_000);
        assertThat(report.number("onnxBytes"))
                .isEqualTo((double) Files.size(out.resolve("student.onnx")));
    }

    @Test
    void theSecondEpochTakesNoForwardPassOfTheTeacher() throws IOException {
        // Two epochs of the same un-augmented images in each phase. The first phase wants signs,
        // the second logits: the first epoch of each is computed, the other served.
        assertThat(Report.of(out).number("cacheHitRatio")).isEqualTo(0.5);
    }

    @Test
    void theHtmlReportShowsPicturesAndLoadsNothing() throws IOException {
        String page = Files.readString(out.resolve("report.html"));

        assertThat(page)
                .contains("<svg", "<h2>Loss, boundary</h2>", "<h2>Loss, classification</h2>")
                .doesNotContain("src=", "href=", "http", "<script", "<link", "@import", "url(");
    }

    @Test
    void theUserSeesALineForEachPhaseAndTheTable() {
        assertThat(outcome.output())
                .anyMatch(line -> line.startsWith("cross-entropy / "))
                .anyMatch(line -> line.startsWith("distilled / boundary "))
                .anyMatch(line -> line.startsWith("distilled / classification "))
                .anyMatch(line -> line.startsWith("baseline (cross-entropy only) "))
                .anyMatch(line -> line.startsWith("distilled ") && line.contains("points"))
                .anyMatch(line -> line.endsWith("out/student.onnx"));
        assertThat(outcome.errors()).isEmpty();
    }

    @Test
    void aFinishedRunIsNotTrainedAgain() throws IOException, InterruptedException {
        String before = Report.of(out).text("parametersSha256");

        Outcome again =
                AbmeshCommand.run(temporary, "run", "--resume", out.toString()).requireExit(0);

        assertThat(again.output()).noneMatch(line -> line.startsWith("started "));
        assertThat(Report.of(out).text("parametersSha256")).isEqualTo(before);
    }

    @Test
    void aTeacherThatTakesImagesOfAnySizeTeachesAtItsTaps()
            throws IOException, InterruptedException {
        Path folder = temporary.resolve("any");
        TinyPlan.write(folder, TinyOnnx.fashion().withAnySize());

        AbmeshCommand.run(folder, "run", "plan.yaml", "--out", "out").requireExit(0);

        assertThat(
                        Report.of(folder.resolve("out"))
                                .value("agreement")
                                .getStructValue()
                                .getFieldsMap())
                .hasSize(3);
    }

    @Test
    void aFolderOfAnotherPlanIsRefused() throws IOException, InterruptedException {
        Outcome refused =
                AbmeshCommand.run(
                                temporary.resolve("with a space"),
                                "run",
                                "plan.yaml",
                                "--seed",
                                "4",
                                "--out",
                                "out")
                        .requireExit(2);

        assertThat(refused.errors())
                .singleElement()
                .asString()
                .startsWith("abmesh: " + out + " holds a run of another plan: found=");
    }
}
