package io.abmesh.coordinator.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.protobuf.util.Durations;
import io.abmesh.coordinator.meter.CoordinatorMeters;
import io.abmesh.coordinator.plan.CompletePlan;
import io.abmesh.coordinator.plan.PlanReader;
import io.abmesh.coordinator.plan.TrackPlanner;
import io.abmesh.proto.v1.PhaseEnded;
import io.abmesh.proto.v1.PhaseStarted;
import io.abmesh.proto.v1.Plan;
import io.abmesh.proto.v1.RunEvent;
import io.abmesh.proto.v1.StepReport;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A boundary phase of three epochs of four steps, of which a step takes a second. */
final class RunLogTest {
    private static final List<String> OVERRIDES =
            List.of(
                    "phases[0].epochs=3",
                    "phases[0].until.plateauEpochs=1",
                    "compare.crossEntropy=false");

    @TempDir Path directory;

    private final TestingClock clock = new TestingClock();
    private final CompletePlan complete = PlanReader.read(TestingPlans.distilled(), OVERRIDES);
    private final Plan plan = complete.plan();
    private final RunScript script = new RunScript(plan, TrackPlanner.tracks(plan, 40), 40);
    private RunRecord record;
    private RunLog log;

    @BeforeEach
    void begin() {
        open();
        log.rewind(0);
        log.rosterFormed(script, 1, 0, List.of("student-0"), List.of(), 0);
        record.append(
                RunEvent.newBuilder()
                        .setPhaseStarted(
                                PhaseStarted.newBuilder()
                                        .setTrack("distilled")
                                        .setPhase("boundary")
                                        .setStartStep(0)
                                        .setEndStep(12)
                                        .addTaps("first")
                                        .addTaps("second")));
        log.rewind(0); // as the coordinator does that finds the phase begun
    }

    @AfterEach
    void close() {
        log.close();
        record.close();
    }

    @Test
    void theLastEpochOfAPhaseThatEndsEarlyIsAWholeOne() throws IOException {
        steps(0, 8);
        log.phaseEnded(script, 7);

        PhaseEnded ended = ended();
        assertThat(ended.getStepCount()).isEqualTo(8);
        assertThat(ended.getLoss()).isEqualTo((4 + 5 + 6 + 7) / 4.0);
        assertThat(ended.getAgreement(0)).isCloseTo(0.55, within(1e-9));
    }

    @Test
    void aPhaseIsAsLongAsItWasWorkedAtThoughItsCoordinatorWasAway() throws IOException {
        steps(0, 5);
        close();
        clock.advance(Duration.ofHours(1));
        open();
        log.notice("TESTING", "somebody says something before the students are back");
        clock.advance(Duration.ofMinutes(1));
        log.rewind(5);
        log.rosterFormed(script, 2, 5, List.of("student-0"), List.of(), 0);
        steps(5, 12);
        log.phaseEnded(script, 11);

        assertThat(Durations.toMillis(ended().getDuration())).isEqualTo(12_000);
        assertThat(ended().getImagesPerSecond()).isCloseTo(10, within(1e-9));
    }

    @Test
    void stepsHaveTheNamesOfTheirTapsAlsoBehindARestart() throws IOException {
        steps(0, 6);
        List<String> before = metrics();
        close();
        open();
        log.rewind(6);
        assertThat(metrics()).isEqualTo(before);

        steps(6, 8);
        assertThat(metrics())
                .hasSize(8)
                .allSatisfy(line -> assertThat(line).contains("\"first\":", "\"second\":"));
    }

    private void steps(long first, long end) {
        for (long step = first; step < end; step++) {
            clock.advance(Duration.ofSeconds(1));
            log.committed(
                    StepReport.newBuilder()
                            .setStep(step)
                            .setLoss((double) step)
                            .addAgreement(step / 10.0)
                            .addAgreement(0.5)
                            .build(),
                    0,
                    0,
                    0);
        }
    }

    private PhaseEnded ended() throws IOException {
        Optional<PhaseEnded> ended = Optional.empty();
        for (int i = 0; i < record.journal().count(); i++) {
            RunEvent event = record.journal().read(i);
            ended = event.hasPhaseEnded() ? Optional.of(event.getPhaseEnded()) : ended;
        }
        return ended.orElseThrow();
    }

    private List<String> metrics() throws IOException {
        return Files.readAllLines(record.folder().file("metrics.jsonl"));
    }

    private void open() {
        record = RunRecord.open(TestingRuns.folder(directory, complete, OVERRIDES), clock);
        log =
                RunLog.open(
                        record,
                        plan,
                        clock,
                        8,
                        new CoordinatorMeters(new SimpleMeterRegistry()).begin("run"));
    }
}
