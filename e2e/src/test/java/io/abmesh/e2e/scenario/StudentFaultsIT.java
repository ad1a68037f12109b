package io.abmesh.e2e.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.e2e.harness.AbmeshCommand;
import io.abmesh.e2e.harness.AbmeshCommand.Outcome;
import io.abmesh.e2e.harness.MeshProbe;
import io.abmesh.e2e.harness.Report;
import io.abmesh.e2e.harness.Services;
import io.abmesh.e2e.harness.TinyPlan;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What happens to a process of a mesh of two students and two teachers leaves no trace in the
 * result. Each as a test of its own, under the tag long; ChaosIT draws from them in every build.
 */
@Tag("long")
@TestInstance(Lifecycle.PER_CLASS)
final class StudentFaultsIT {
    private static final Duration LEASE = Duration.ofSeconds(4);

    /** The last step of the baseline's track, behind which the boundary phase begins. */
    private static final long LAST_OF_TRACK = TinyPlan.STEPS / 2 - 1;

    private Path folder = Path.of("");
    private String undisturbed = "";

    @BeforeAll
    void runWithOneOfEach(@TempDir Path temporary) throws IOException, InterruptedException {
        folder = temporary;
        TinyPlan.write(folder);
        try (AbmeshCommand command = start("undisturbed", 1, 1)) {
            command.await().requireExit(0);
        }
        undisturbed = Report.of(folder.resolve("undisturbed")).text("parametersSha256");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "teacher-0",
                "student-0",
                "student-1",
                "coordinator-0",
                "student-0 student-1",
                "student-1 coordinator-0",
                "student-0 teacher-1"
            })
    void aKillLeavesNoTrace(String processes) throws IOException, InterruptedException {
        disturbed(
                "killed " + processes,
                19,
                mesh -> {
                    for (String process : processes.split(" ", -1)) {
                        mesh.kill(process);
                    }
                });
    }

    @ParameterizedTest
    @ValueSource(longs = {LAST_OF_TRACK - 1, LAST_OF_TRACK, LAST_OF_TRACK + 1})
    void aKillAtAChangeOfPhaseLeavesNoTrace(long step) throws IOException, InterruptedException {
        disturbed("phase " + step, step, mesh -> mesh.kill("student-0"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"teacher-0", "student-0", "student-1", "coordinator-0"})
    void aPauseLongerThanTheLeaseLeavesNoTrace(String process)
            throws IOException, InterruptedException {
        disturbed(
                "paused " + process,
                10,
                mesh -> {
                    mesh.signal(process, "STOP");
                    // The lease is over for certain only once time has passed.
                    assertThat(
                                    new CountDownLatch(1)
                                            .await(
                                                    LEASE.plusSeconds(2).toMillis(),
                                                    TimeUnit.MILLISECONDS))
                            .isFalse();
                    mesh.signal(process, "CONT");
                });
    }

    @ParameterizedTest
    @ValueSource(strings = {"teacher-0", "student-0", "student-1"})
    void whoIsAskedToLeaveHandsItsWorkBack(String process)
            throws IOException, InterruptedException {
        Outcome outcome = disturbed("left " + process, 10, mesh -> mesh.signal(process, "TERM"));

        assertThat(outcome.output()).anyMatch(line -> line.contains(process + " ended with exit"));
    }

    @Test
    void aFolderGoesOnWithAnotherNumberOfStudents() throws IOException, InterruptedException {
        try (AbmeshCommand command = start("resumed", 2, 1)) {
            command.awaitLine("started ");
            MeshProbe.of(folder.resolve("resumed")).awaitStep(12);
            command.terminate();
            command.await().requireExit(130);
        }
        AbmeshCommand.run(folder, "run", "--resume", "resumed", "--students", "3").requireExit(0);

        assertThat(Report.of(folder.resolve("resumed")).text("parametersSha256"))
                .isEqualTo(undisturbed);
    }

    /**
     * A named pipe takes the place of the file that is to become the checkpoint. Nobody reads it,
     * so the student that writes it is in the middle of the publication for as long as it lives.
     */
    @Test
    void aKillDuringThePublicationOfACheckpointLeavesNoTrace()
            throws IOException, InterruptedException {
        long early = 2;
        String file = "step-000000020.safetensors";
        Path checkpoint = folder.resolve("published/checkpoint");

        disturbed(
                "published",
                early,
                mesh -> {
                    String leader = mesh.leaderAt(early);
                    Path at = leader.equals("student-0") ? checkpoint : checkpoint.resolve(leader);
                    Path part = at.resolve(file + ".part");
                    assertThat(new ProcessBuilder("mkfifo", part.toString()).start().waitFor())
                            .isZero();
                    try (RandomAccessFile pipe = new RandomAccessFile(part.toFile(), "rw")) {
                        assertThat(pipe.read()).as("first byte of a checkpoint").isNotNegative();
                        mesh.kill(leader);
                    }
                    assertThat(at.resolve(file)).doesNotExist();
                });
    }

    @Test
    void workersMayBeStartedBeforeTheirCoordinator() throws IOException {
        Path out = Files.createDirectory(folder.resolve("workers-first"));
        try (Services services = new Services(out)) {
            services.reservePort();
            services.startWorkers(folder.resolve("teacher.onnx"), 2);
            services.startCoordinator();
            String run = services.submit(folder.resolve("plan.yaml"), "microBatches=4");
            MeshProbe.at(services.address()).awaitSuccess();

            Report report = Report.of(out.resolve("store").resolve(run));
            assertThat(report.text("parametersSha256")).isEqualTo(undisturbed);
            assertThat(report.number("ledger", "stepsCommitted")).isEqualTo(TinyPlan.STEPS);
        }
    }

    private interface Fault {
        void strike(MeshProbe mesh) throws IOException, InterruptedException;
    }

    private Outcome disturbed(String name, long step, Fault fault)
            throws IOException, InterruptedException {
        String out = name.replace(' ', '-');
        try (AbmeshCommand command = start(out, 2, 2)) {
            command.awaitLine("started ");
            awaitStep(out, step);
            fault.strike(MeshProbe.of(folder.resolve(out)));
            Outcome outcome = command.await().requireExit(0);
            assertThat(Report.of(folder.resolve(out)).text("parametersSha256"))
                    .as("%s", outcome.output())
                    .isEqualTo(undisturbed);
            return outcome;
        }
    }

    private void awaitStep(String out, long step) throws IOException {
        try {
            MeshProbe.of(folder.resolve(out)).awaitStep(step);
        } catch (StatusRuntimeException e) {
            throw new AssertionError("the coordinator is gone before anything happened to it", e);
        }
    }

    private AbmeshCommand start(String out, int students, int teachers) throws IOException {
        List<String> arguments =
                new ArrayList<>(
                        List.of("run", "plan.yaml", "--out", out, "--set", "microBatches=4"));
        arguments.addAll(List.of("--students", "" + students, "--teachers", "" + teachers));
        return AbmeshCommand.start(
                folder,
                Map.of("ABMESH_COORDINATOR_LEASE", LEASE.toSeconds() + "s"),
                arguments.toArray(String[]::new));
    }
}
