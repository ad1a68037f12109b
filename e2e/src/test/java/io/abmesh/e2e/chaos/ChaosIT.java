package io.abmesh.e2e.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.e2e.harness.AbmeshCommand;
import io.abmesh.e2e.harness.AbmeshCommand.Outcome;
import io.abmesh.e2e.harness.MeshProbe;
import io.abmesh.e2e.harness.Report;
import io.abmesh.e2e.harness.TinyPlan;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A run with three students and two teachers, to whose processes something happens again and again,
 * ends in the parameters of a run of one of each to which nothing does.
 *
 * <p>{@code -Dchaos.seed=N -Dchaos.faults=N} draws other faults, and more; {@code e2e/chaos} does
 * so.
 */
final class ChaosIT {
    private static final long SEED = Long.getLong("chaos.seed", 4);
    private static final int FAULTS = Integer.getInteger("chaos.faults", 5);
    private static final Duration LEASE = Duration.ofSeconds(4);

    /** Enough that every fault finds the run under way. */
    private static final int EPOCHS = 2 + FAULTS / 2;

    private static final int STUDENTS = 3;
    private static final int TEACHERS = 2;

    @TempDir Path folder;

    @Test
    void whateverHappensToItsProcessesARunEndsInTheSameParameters() throws Exception {
        TinyPlan.write(folder);
        List<Fault> faults = new ArrayList<>();
        Outcome outcome;
        try (AbmeshCommand command = start("disturbed", STUDENTS, TEACHERS)) {
            command.awaitLine("started ");
            disturb(faults);
            outcome = command.await();
        }
        assertThat(outcome.exitCode())
                .as("seed %d, faults %s, output %s", SEED, faults, outcome)
                .isZero();
        try (AbmeshCommand command = start("undisturbed", 1, 1)) {
            command.await().requireExit(0);
        }

        System.out.printf("chaos: seed %d, %d faults%n", SEED, faults.size());
        faults.forEach(fault -> System.out.println("chaos: " + fault));
        System.out.println(
                "chaos: ledger " + Report.of(folder.resolve("disturbed")).value("ledger"));
        assertThat(faults).hasSize(FAULTS);
        assertThat(Report.of(folder.resolve("disturbed")).text("parametersSha256"))
                .as("seed %d, faults %s", SEED, faults)
                .isEqualTo(Report.of(folder.resolve("undisturbed")).text("parametersSha256"));
    }

    private void disturb(List<Fault> faults) throws IOException, InterruptedException {
        SplittableRandom random = new SplittableRandom(SEED);
        List<String> processes = new ArrayList<>(List.of("coordinator-0"));
        for (int i = 0; i < STUDENTS; i++) {
            processes.add("student-" + i);
        }
        for (int i = 0; i < TEACHERS; i++) {
            processes.add("teacher-" + i);
        }
        long step = 0;
        while (faults.size() < FAULTS) {
            step = committedFrom(step + 1 + random.nextInt(4));
            if (step < 0) {
                return;
            }
            Fault fault = Fault.draw(random, processes, LEASE);
            faults.add(fault);
            fault.strike(MeshProbe.of(folder.resolve("disturbed")));
        }
    }

    /** Waits for a step, whoever dies meanwhile; returns -1 if the run has ended before. */
    private long committedFrom(long step) throws IOException {
        while (true) {
            try {
                return MeshProbe.of(folder.resolve("disturbed")).reaches(step) ? step : -1;
            } catch (StatusRuntimeException e) {
                // The coordinator was among those that something happened to.
            }
        }
    }

    private AbmeshCommand start(String out, int students, int teachers) throws IOException {
        return AbmeshCommand.start(
                folder,
                Map.of("ABMESH_COORDINATOR_LEASE", LEASE.toSeconds() + "s"),
                "run",
                "plan.yaml",
                "--out",
                out,
                "--students",
                String.valueOf(students),
                "--teachers",
                String.valueOf(teachers),
                "--set",
                "microBatches=4",
                "--set",
                "checkpointEverySteps=2",
                "--set",
                "phases[0].epochs=" + EPOCHS,
                "--set",
                "phases[1].epochs=" + EPOCHS);
    }
}
