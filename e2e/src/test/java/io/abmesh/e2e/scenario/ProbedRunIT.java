package io.abmesh.e2e.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.e2e.harness.AbmeshCommand;
import io.abmesh.e2e.harness.AbmeshCommand.Outcome;
import io.abmesh.e2e.harness.Breakpoint;
import io.abmesh.e2e.harness.MeshProbe;
import io.abmesh.e2e.harness.Report;
import io.abmesh.e2e.harness.Services;
import io.abmesh.e2e.harness.TinyPlan;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A run that finds its scale and its rates by itself ends in the same parameters, however many
 * students compute it, and whichever of them is killed, hangs or is told to leave.
 */
@TestInstance(Lifecycle.PER_CLASS)
final class ProbedRunIT {
    /** First step behind the probe: five scales of four steps, a quarter of the phase. */
    private static final long PROBED = 20;

    /** The rate is so low that the loss falls and rises, and the rate with it. */
    private static final List<String> OVERRIDES =
            List.of(
                    "microBatches=4",
                    "compare.crossEntropy=false",
                    "phases[0].epochs=20",
                    "phases[0].losses[0].scale=auto",
                    "phases[1].epochs=6",
                    "phases[1].optimizer.learningRate=1e-6",
                    "phases[1].schedule={kind: plateau, factor: 0.5, plateauEpochs: 1}");

    private static final long PATIENCE_SECONDS = 120;

    private Path folder = Path.of("");
    private String alone = "";

    @BeforeAll
    void runWithOneStudent(@TempDir Path temporary) throws IOException, InterruptedException {
        folder = temporary;
        TinyPlan.write(folder);
        try (AbmeshCommand command = start("alone", 1)) {
            Outcome outcome = command.await().requireExit(0);
            assertThat(outcome.output())
                    .anyMatch(line -> line.contains("scale of the boundary loss is"));
        }
        alone = parameters(folder.resolve("alone"));
        assertThat(ratesOfTheLastPhase()).as("rates of the last phase").hasSizeGreaterThan(1);
    }

    @Tag("long")
    @ParameterizedTest
    @ValueSource(ints = {2, 3})
    void anyNumberOfStudentsEndsInTheParametersOfOne(int students)
            throws IOException, InterruptedException {
        String out = students + "-students";
        try (AbmeshCommand command = start(out, students)) {
            command.await().requireExit(0);
        }

        assertThat(parameters(folder.resolve(out))).isEqualTo(alone);
    }

    @Test
    void aKillDuringTheProbeLeavesNoTrace() throws IOException, InterruptedException {
        try (AbmeshCommand command = start("killed", 3)) {
            command.awaitLine("started ");
            MeshProbe mesh = MeshProbe.of(folder.resolve("killed"));
            mesh.awaitStep(2);
            mesh.kill("student-0");
            Outcome outcome = command.await().requireExit(0);

            assertThat(stepOfLoss(outcome)).as("%s", outcome.output()).isLessThan(PROBED);
            assertThat(parameters(folder.resolve("killed"))).isEqualTo(alone);
        }
    }

    @Test
    void aLeaderThatHangsInAnEvaluationLeavesNoTrace() throws Exception {
        aHangLeavesNoTrace("io.abmesh.student.run.Classification", "of", "evaluation");
    }

    @Tag("long")
    @Test
    void aLeaderThatHangsInItsExportLeavesNoTrace() throws Exception {
        aHangLeavesNoTrace("io.abmesh.student.run.NnStudentExport", "write", "export");
    }

    private void aHangLeavesNoTrace(String type, String method, String name) throws Exception {
        Path out = Files.createDirectory(folder.resolve("hung-in-" + name));
        Map<String, String> environment = new HashMap<>(Breakpoint.ENVIRONMENT);
        environment.put("ABMESH_COORDINATOR_LEASE", "3s");
        environment.put("ABMESH_COORDINATOR_PROGRESS_DEADLINE", "5s");
        try (Services services = new Services(out, environment)) {
            services.startCoordinator();
            services.startWorkers(folder.resolve("teacher.onnx"), 2);
            try (Breakpoint first = Breakpoint.at(out.resolve("student.log"), type, method);
                    Breakpoint second = Breakpoint.at(out.resolve("student-1.log"), type, method)) {
                String run =
                        services.submit(
                                folder.resolve("plan.yaml"), OVERRIDES.toArray(String[]::new));
                Object leader =
                        CompletableFuture.anyOf(first.reached(), second.reached())
                                .get(PATIENCE_SECONDS, TimeUnit.SECONDS);
                (leader.equals(first) ? second : first).close();
                MeshProbe.at(services.address()).awaitSuccess();

                Path result = out.resolve("store").resolve(run);
                assertThat(Report.of(result).number("ledger", "studentsRemoved")).isEqualTo(1);
                assertThat(parameters(result)).isEqualTo(alone);
            }
        }
    }

    /**
     * A named pipe takes the place of the file that is to become a checkpoint. Nobody empties it,
     * so it is a disk that takes no more than its buffer holds.
     */
    @Test
    void whoIsToldToLeaveWhileItsDiskTakesNothingLeavesWithoutBeingKilled() throws Exception {
        String out = "stuck";
        try (AbmeshCommand command = start(out, 2)) {
            command.awaitLine("started ");
            MeshProbe mesh = MeshProbe.of(folder.resolve(out));
            String leader = mesh.leaderAt(2);
            Path checkpoints = folder.resolve(out).resolve("checkpoint");
            Path at = leader.equals("student-0") ? checkpoints : checkpoints.resolve(leader);
            Path part = at.resolve("step-000000020.safetensors.part");
            assertThat(new ProcessBuilder("mkfifo", part.toString()).start().waitFor()).isZero();
            try (RandomAccessFile pipe = new RandomAccessFile(part.toFile(), "rw")) {
                assertThat(pipe.read()).as("first byte of a checkpoint").isNotNegative();
                mesh.signal(leader, "TERM");
                mesh.awaitEnd(leader);
            }
            command.await().requireExit(0);

            assertThat(Files.readString(folder.resolve(out).resolve("logs/" + leader + ".log")))
                    .containsSubsequence(
                            "Worker stops in the middle of its work",
                            "Student has stopped worker=" + leader);
            assertThat(parameters(folder.resolve(out))).isEqualTo(alone);
        }
    }

    private AbmeshCommand start(String out, int students) throws IOException {
        List<String> arguments =
                new ArrayList<>(
                        List.of(
                                "run",
                                "plan.yaml",
                                "--out",
                                out,
                                "--students",
                                String.valueOf(students)));
        OVERRIDES.forEach(override -> arguments.addAll(List.of("--set", override)));
        return AbmeshCommand.start(
                folder,
                Map.of("ABMESH_STUDENT_STOP_GRACE", "2s"),
                arguments.toArray(String[]::new));
    }

    private static String parameters(Path result) throws IOException {
        return Report.of(result).text("parametersSha256");
    }

    /** Returns the step at which the run went on without a student. */
    private static long stepOfLoss(Outcome outcome) {
        Pattern loss = Pattern.compile("student student-0 is lost; .* at step ([0-9]+)");
        return outcome.output().stream()
                .map(loss::matcher)
                .filter(Matcher::find)
                .mapToLong(found -> Long.parseLong(found.group(1)))
                .findFirst()
                .orElseThrow(() -> new AssertionError("nobody is lost: " + outcome.output()));
    }

    private List<String> ratesOfTheLastPhase() throws IOException {
        Pattern rate = Pattern.compile("\"learningRate\":([^,}]+)");
        return Files.readAllLines(folder.resolve("alone/metrics.jsonl")).stream()
                .filter(line -> line.contains("\"type\":\"step\""))
                .skip(4 * 20)
                .map(rate::matcher)
                .filter(Matcher::find)
                .map(found -> found.group(1))
                .distinct()
                .toList();
    }
}
