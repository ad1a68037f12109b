package io.abmesh.e2e.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.e2e.harness.AbmeshCommand;
import io.abmesh.e2e.harness.AbmeshCommand.Outcome;
import io.abmesh.e2e.harness.Report;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A study that is killed in the middle goes on, and repeats nothing. */
final class StudyIT {
    private static final List<String> RUNS =
            List.of("kd-all-s1", "boundary-kd-all-s1", "kd-all-s2", "boundary-kd-all-s2");

    private static final String STUDY =
            """
            name: tiny-study
            base:
              data:
                location: builtin:fashion-mnist
                train: {images: 64}
                test: {images: 64}
              teacher: {model: "builtin:fashion-mnist"}
              student: {network: wrn-10-1}
              batch: 16
              evaluateEveryEpochs: 1
              checkpointEverySteps: 3
            methods:
              - name: kd
                plan:
                  phases: {name: kd, epochs: 3, losses: kd}
              - name: boundary-kd
                plan:
                  phases:
                    - {name: boundary, epochs: 1, losses: boundary}
                    - {name: kd, epochs: 2, losses: kd}
            seeds: [1, 2]
            """;

    /** A language with digits of its own. */
    private static final Map<String, String> PERSIAN =
            Map.of("JAVA_TOOL_OPTIONS", "-Duser.language=fa -Duser.country=IR");

    @TempDir Path folder = Path.of("");

    @Test
    void endsInTheSameResultsAfterItWasKilled() throws IOException, InterruptedException {
        Files.writeString(folder.resolve("study.yaml"), STUDY);
        Path killed = folder.resolve("runs/study");
        FileTime firstDone;
        try (AbmeshCommand command =
                AbmeshCommand.start(folder, PERSIAN, "compare", "study.yaml")) {
            command.awaitLine("[1/4] runs/kd-all-s1: done");
            firstDone = Files.getLastModifiedTime(report(killed, "kd-all-s1"));
            command.kill();
        }
        Outcome resumed = AbmeshCommand.run(folder, "compare", "study.yaml").requireExit(0);

        AbmeshCommand.run(
                        folder,
                        "compare",
                        "study.yaml",
                        "--out",
                        "undisturbed",
                        "--set",
                        "parallel=1")
                .requireExit(0);

        assertThat(Files.getLastModifiedTime(report(killed, "kd-all-s1"))).isEqualTo(firstDone);
        assertThat(Files.readString(killed.resolve("runs/kd-all-s1/report.html")))
                .doesNotContainPattern("[\\p{Nd}&&[^0-9]]");
        for (String run : RUNS) {
            assertThat(parameters(killed, run))
                    .isEqualTo(parameters(folder.resolve("undisturbed"), run));
        }
        theTableSaysWhatTheReportsSay(resumed, killed);
    }

    @Test
    void aRunThatFailsStopsNoOtherAndIsTriedAgain() throws IOException, InterruptedException {
        Files.writeString(
                folder.resolve("study.yaml"),
                """
                name: failing
                base:
                  data:
                    location: builtin:fashion-mnist
                    train: {images: 32}
                    test: {images: 32}
                  student: {network: wrn-10-1}
                  batch: 16
                methods:
                  - name: diverges
                    plan:
                      phases:
                        - {name: labels, epochs: 2, losses: crossEntropy, optimizer: {learningRate: 1e30}}
                  - name: learns
                    plan:
                      phases: [{name: labels, epochs: 1, losses: crossEntropy}]
                seeds: [1]
                """);
        Path out = folder.resolve("runs/study");

        Outcome failed = AbmeshCommand.run(folder, "compare", "study.yaml").requireExit(2);
        FileTime learned = Files.getLastModifiedTime(report(out, "learns-all-s1"));
        Outcome again = AbmeshCommand.run(folder, "compare", "study.yaml").requireExit(2);
        Outcome changed =
                AbmeshCommand.run(folder, "compare", "study.yaml", "--set", "base.batch=8")
                        .requireExit(2);

        assertThat(failed.output())
                .anyMatch(line -> line.startsWith("[1/2] runs/diverges-all-s1: failed: "))
                .anyMatch(line -> line.startsWith("[2/2] runs/learns-all-s1: done, "));
        assertThat(failed.errors())
                .first()
                .isEqualTo("abmesh: 1 of 2 runs failed; the same command tries them again:");
        assertThat(again.output())
                .anyMatch(line -> line.startsWith("[2/2] runs/diverges-all-s1: failed: "))
                .noneMatch(line -> line.contains("learns-all-s1: done"));
        assertThat(changed.errors())
                .first()
                .asString()
                .startsWith("abmesh: the study has changed since these runs began");
        assertThat(Files.getLastModifiedTime(report(out, "learns-all-s1"))).isEqualTo(learned);
    }

    @Test
    void problemsAreToldAtTheirPlaceBeforeAnythingIsWritten()
            throws IOException, InterruptedException {
        Files.writeString(folder.resolve("study.yaml"), STUDY.replace("epochs: 3, ", "epoch: 3, "));

        Outcome refused = AbmeshCommand.run(folder, "compare", "study.yaml").requireExit(2);

        assertThat(refused.errors())
                .anyMatch(
                        line ->
                                line.startsWith(
                                        "study.yaml:15:26: methods[0].plan.phases[0].epoch: unknown key:"));
        assertThat(folder.resolve("runs")).doesNotExist();
    }

    @Test
    void aTeacherThatIsNotThereIsToldBeforeAnythingIsWritten()
            throws IOException, InterruptedException {
        Files.writeString(folder.resolve("study.yaml"), STUDY);

        Outcome refused =
                AbmeshCommand.run(
                                folder,
                                "compare",
                                "study.yaml",
                                "--set",
                                "base.teacher.model=nowhere.onnx")
                        .requireExit(2);

        assertThat(refused.errors())
                .last()
                .asString()
                .matches("abmesh: no such model file: .*nowhere.onnx");
        assertThat(folder.resolve("runs")).doesNotExist();
    }

    private static void theTableSaysWhatTheReportsSay(Outcome outcome, Path study)
            throws IOException {
        double mean =
                100
                        * (accuracy(study, "boundary-kd-all-s1")
                                + accuracy(study, "boundary-kd-all-s2"))
                        / 2;
        double base = 100 * (accuracy(study, "kd-all-s1") + accuracy(study, "kd-all-s2")) / 2;
        List<String> csv = Files.readAllLines(study.resolve("comparison.csv"));
        assertThat(csv).hasSize(3);
        assertThat(csv.get(2))
                .startsWith("tiny-study,64,,boundary-kd,kd,2,%.4f,".formatted(mean))
                .contains(",2,%.4f,".formatted(mean - base));
        assertThat(outcome.output())
                .anyMatch(
                        line ->
                                line.matches(
                                        "\\s+64  boundary-kd   2 .*%.2f %% .*".formatted(mean)));
        assertThat(Files.readAllLines(study.resolve("runs.csv")))
                .hasSize(5)
                .anyMatch(
                        line -> {
                            try {
                                return line.contains(parameters(study, "boundary-kd-all-s2"));
                            } catch (IOException e) {
                                throw new UncheckedIOException(e);
                            }
                        });
        assertThat(Files.readString(study.resolve("comparison.html")))
                .contains("<svg", "4 of 4 runs are done");
        // Three evaluations of kd, two of boundary-kd, and one epoch of boundaries, for two seeds.
        assertThat(Files.readAllLines(study.resolve("curves.csv"))).hasSize(1 + 2 * (3 + 2 + 1));
    }

    private static Path report(Path study, String run) {
        return study.resolve("runs").resolve(run).resolve("report.json");
    }

    private static String parameters(Path study, String run) throws IOException {
        return Report.of(study.resolve("runs").resolve(run)).text("parametersSha256");
    }

    private static double accuracy(Path study, String run) throws IOException {
        return Report.of(study.resolve("runs").resolve(run)).number("distilled", "accuracy");
    }
}
