package io.abmesh.coordinator.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.coordinator.store.RunFolder;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.PhaseStarted;
import io.abmesh.proto.v1.RosterFormed;
import io.abmesh.proto.v1.Run;
import io.abmesh.proto.v1.RunEvent;
import io.abmesh.proto.v1.RunState;
import io.abmesh.proto.v1.StepCommitted;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a run's state says is the same for a coordinator that was started again. */
final class RunRecordTest {
    private static final long TOTAL = 24;

    @TempDir Path directory;

    private RunRecord record;

    @BeforeEach
    void open() {
        record = RunRecord.open(folder(), new TestingClock());
    }

    @AfterEach
    void close() {
        record.close();
    }

    @Test
    void aRunThatHasNotBegunDoesNotKnowItsSteps() {
        assertThat(record.snapshot().getTotalSteps()).isZero();
        assertThat(record.snapshot().getCommittedStep()).isEqualTo(-1);
    }

    @Test
    void aRunUnderWayKnowsHowManyStepsItHas() {
        roster(0);
        phase("boundary", 0, 20);
        steps(0, 4);

        assertThat(afterRestart().getTotalSteps()).isEqualTo(TOTAL);
        assertThat(afterRestart().getCommittedStep()).isEqualTo(3);
    }

    @Test
    void aFailureOfAnyLengthIsStillThereAfterARestart() {
        String text = "x".repeat(2 << 20);

        record.end(
                RunState.RUN_STATE_FAILED,
                new MeshException(ErrorReason.BATCH_FAILED, text, Map.of("samples", text)));

        Run after = afterRestart();
        assertThat(after.getState()).isEqualTo(RunState.RUN_STATE_FAILED);
        assertThat(after.getFailure().getMessage()).startsWith("xxx").hasSizeLessThan(5000);
    }

    @Test
    void aPhaseThatEndedEarlyLeavesItsNumbersUnused() {
        roster(0);
        phase("boundary", 0, 20);
        steps(0, 8);
        phase("kd", 20, TOTAL);
        steps(20, 22);

        assertThat(afterRestart().getPhase()).isEqualTo("kd");
        assertThat(afterRestart().getCommittedStep()).isEqualTo(21);
        assertThat(afterRestart().getTotalSteps()).isEqualTo(TOTAL);
    }

    @Test
    void aRunThatGoesOnAtAnOlderStepIsThereAlsoAfterARestart() {
        roster(0);
        phase("boundary", 0, 20);
        steps(0, 20);
        phase("kd", 20, TOTAL);
        steps(20, 22);
        roster(18);

        assertThat(afterRestart().getCommittedStep()).isEqualTo(17);

        steps(18, 19);
        assertThat(afterRestart().getCommittedStep()).isEqualTo(18);
        assertThat(afterRestart().getPhase()).isEqualTo("boundary");
    }

    @Test
    void aStepThatIsToldAgainBehindThePositionTakesNothingBack() {
        roster(0);
        phase("boundary", 0, 20);
        steps(0, 5);
        roster(8);
        steps(5, 6);

        assertThat(afterRestart().getCommittedStep()).isEqualTo(7);
    }

    @Test
    void aRunWhoseLastPhaseEndedEarlyIsDoneToItsLastStep() {
        roster(0);
        phase("kd", 0, TOTAL);
        steps(0, 8);
        record.end(RunState.RUN_STATE_SUCCEEDED, null);

        assertThat(afterRestart().getTotalSteps()).isEqualTo(8);
    }

    @Test
    void aRunThatFailedKeepsWhatItHadPlanned() {
        roster(0);
        phase("kd", 0, TOTAL);
        steps(0, 8);
        record.end(RunState.RUN_STATE_FAILED, null);

        assertThat(afterRestart().getTotalSteps()).isEqualTo(TOTAL);
    }

    /** Returns what another coordinator finds, which is what this one says. */
    private Run afterRestart() {
        Run before = record.snapshot();
        record.close();
        open();
        assertThat(record.snapshot()).isEqualTo(before);
        return record.snapshot();
    }

    private void roster(long next) {
        record.append(
                RunEvent.newBuilder()
                        .setRosterFormed(
                                RosterFormed.newBuilder().setNextStep(next).setTotalSteps(TOTAL)));
    }

    private void phase(String name, long start, long end) {
        record.append(
                RunEvent.newBuilder()
                        .setPhaseStarted(
                                PhaseStarted.newBuilder()
                                        .setTrack("distilled")
                                        .setPhase(name)
                                        .setStartStep(start)
                                        .setEndStep(end)));
    }

    private void steps(long first, long end) {
        LongStream.range(first, end)
                .forEach(
                        step ->
                                record.append(
                                        RunEvent.newBuilder()
                                                .setStepCommitted(
                                                        StepCommitted.newBuilder().setStep(step))));
    }

    private RunFolder folder() {
        return TestingRuns.folder(directory, TestingPlans.distilled());
    }
}
