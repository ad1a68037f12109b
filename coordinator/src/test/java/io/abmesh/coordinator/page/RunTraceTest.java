package io.abmesh.coordinator.page;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.coordinator.page.RunTrace.Measure;
import io.abmesh.coordinator.page.RunTrace.Series;
import io.abmesh.coordinator.plan.PlanReader;
import io.abmesh.coordinator.run.TestingPlans;
import io.abmesh.coordinator.store.Journal;
import io.abmesh.proto.v1.Evaluated;
import io.abmesh.proto.v1.Notice;
import io.abmesh.proto.v1.PhaseStarted;
import io.abmesh.proto.v1.Plan;
import io.abmesh.proto.v1.RunEvent;
import io.abmesh.proto.v1.StepCommitted;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class RunTraceTest {
    private static final Plan PLAN = PlanReader.read(TestingPlans.distilled(), List.of()).plan();
    private static final Series LOSS = new Series(Measure.LOSS, "distilled", "kd", "");

    @TempDir Path folder;

    private final RunTrace trace = new RunTrace(PLAN);
    private Journal journal;

    @BeforeEach
    void open() throws IOException {
        journal = Journal.open(folder.resolve("events.journal"));
    }

    @AfterEach
    void close() throws IOException {
        journal.close();
    }

    @Test
    void curvesHaveTheNamesOfTapsAndTerms() throws IOException {
        append(phase("boundary", 8, 12));
        append(step(8).addAgreement(0.5).addAgreement(0.75).addTerms(1));
        append(phase("kd", 12, 16));
        append(step(12).addTerms(1.5).addTerms(2.5));
        trace.catchUp(journal);

        assertThat(trace.curves().keySet())
                .contains(
                        new Series(Measure.AGREEMENT, "distilled", "boundary", "block1"),
                        new Series(Measure.AGREEMENT, "distilled", "boundary", "block2"),
                        new Series(Measure.TERM, "distilled", "kd", "kd"),
                        new Series(Measure.TERM, "distilled", "kd", "crossEntropy"))
                .doesNotContain(new Series(Measure.TERM, "distilled", "boundary", "boundary"));
    }

    @Test
    void whatIsAddedLaterIsTakenUpOnce() throws IOException {
        append(phase("kd", 0, 100));
        append(step(0));
        trace.catchUp(journal);
        append(step(1));
        trace.catchUp(journal);
        trace.catchUp(journal);

        assertThat(steps()).containsExactly(0L, 1L);
        assertThat(trace.next()).isEqualTo(3);
    }

    @Test
    void stepsThatAreToldAgainReplaceThemselvesAndLaterOnes() throws IOException {
        append(phase("kd", 0, 100));
        append(step(0).setLoss(1));
        append(step(1).setLoss(2));
        append(step(2).setLoss(3));
        append(evaluation(2, 0.1));
        trace.catchUp(journal);
        append(step(1).setLoss(20));
        trace.catchUp(journal);
        append(step(2).setLoss(30));
        append(evaluation(2, 0.3));
        append(step(3).setLoss(40));
        trace.catchUp(journal);

        assertThat(steps()).containsExactly(0L, 1L, 2L, 3L);
        Curve loss = trace.curves().get(LOSS);
        assertThat(IntStream.range(0, loss.size()).mapToDouble(loss::mean))
                .containsExactly(1.0, 20.0, 30.0, 40.0);
        Curve accuracy = trace.curves().get(new Series(Measure.ACCURACY, "distilled", "", ""));
        assertThat(accuracy.size()).isEqualTo(1);
        assertThat(accuracy.mean(0)).isEqualTo(0.3);
    }

    @Test
    void aTraceThatIsReadAtOnceIsTheOneThatGrew() throws IOException {
        append(phase("kd", 0, 100));
        for (int step : new int[] {0, 1, 2, 3, 1, 2, 3, 4, 2, 3}) {
            append(step(step).setLoss(step));
            trace.catchUp(journal);
        }
        RunTrace again = new RunTrace(PLAN);
        again.catchUp(journal);

        assertThat(PageJson.curves(again)).isEqualTo(PageJson.curves(trace));
        assertThat(steps()).containsExactly(0L, 1L, 2L, 3L);
    }

    @Test
    void epochsFollowFromTheLastEvaluation() throws IOException {
        append(phase("kd", 8, 16));
        append(step(8));
        assertThat(trace.epochsPerStep("distilled")).isEmpty();
        append(evaluation(11, 0.5));
        trace.catchUp(journal);

        assertThat(trace.epochsPerStep("distilled")).hasValue(0.25);
    }

    @Test
    void onlyTheLastEventsThatAreNoStepsAreRemembered() throws IOException {
        append(phase("kd", 0, 100));
        for (int i = 0; i < RunTrace.MOST_NOTED; i++) {
            append(RunEvent.newBuilder().setNotice(Notice.newBuilder().setReason("A")));
        }
        append(step(0));
        trace.catchUp(journal);

        assertThat(trace.noted()).hasSize(RunTrace.MOST_NOTED).startsWith(1).endsWith(500);
    }

    private List<Long> steps() {
        Curve loss = trace.curves().get(LOSS);
        return IntStream.range(0, loss.size()).mapToObj(loss::step).toList();
    }

    private void append(RunEvent.Builder event) throws IOException {
        var unused = journal.append(event, false);
    }

    private void append(StepCommitted.Builder step) throws IOException {
        append(RunEvent.newBuilder().setStepCommitted(step));
    }

    private static StepCommitted.Builder step(long step) {
        return StepCommitted.newBuilder().setStep(step);
    }

    private static RunEvent.Builder phase(String name, long start, long end) {
        return RunEvent.newBuilder()
                .setPhaseStarted(
                        PhaseStarted.newBuilder()
                                .setTrack("distilled")
                                .setPhase(name)
                                .setStartStep(start)
                                .setEndStep(end)
                                .addTaps("block1")
                                .addTaps("block2"));
    }

    private static RunEvent.Builder evaluation(long step, double accuracy) {
        return RunEvent.newBuilder()
                .setEvaluated(
                        Evaluated.newBuilder()
                                .setTrack("distilled")
                                .setStep(step)
                                .setEpoch((step - 7) / 4.0)
                                .setAccuracy(accuracy));
    }
}
