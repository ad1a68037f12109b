package io.abmesh.coordinator.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.coordinator.plan.PlanReader;
import io.abmesh.coordinator.plan.TrackPlanner;
import io.abmesh.proto.v1.Plan;
import io.abmesh.proto.v1.StepCommitted;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** Steps 0 to 11 are of a boundary phase that may end at 3 or 7, 12 to 15 of one with kd. */
final class PhaseProgressTest {
    private static final double HALF = 0.5;

    private final RunScript script =
            script(
                    List.of(
                            "phases[0].epochs=3",
                            "phases[0].until.plateauEpochs=1",
                            "compare.crossEntropy=false"));

    private final PhaseProgress phases = new PhaseProgress(script, -1);

    @Test
    void aPhaseEndsAfterTheEpochThatBringsNoRise() {
        assertThat(reached(phases, 0, 8, HALF)).containsExactly(7L);
    }

    @Test
    void aPhaseGoesOnAsLongAsAgreementRises() {
        assertThat(reached(phases, 0, 4, HALF)).isEmpty();
        assertThat(reached(phases, 4, 12, 2 * HALF)).as("ends with its last step").isEmpty();
    }

    @Test
    void aPhaseCountsNoStepOfThePhaseBefore() {
        PhaseProgress two =
                new PhaseProgress(
                        script(
                                List.of(
                                        "phases[0].until.plateauEpochs=1",
                                        "phases[1].losses=boundary",
                                        "phases[1].epochs=3",
                                        "phases[1].until.plateauEpochs=1",
                                        "compare.crossEntropy=false")),
                        -1);
        reached(two, 0, 4, 1);

        assertThat(reached(two, 4, 8, 0.2)).isEmpty();
        assertThat(reached(two, 8, 12, 0.4)).as("agreement rises").isEmpty();
    }

    @Test
    void anEpochThatWasInterruptedDecidesTheSame() {
        PhaseProgress resumed = new PhaseProgress(script, -1);
        assertThat(resumed.resume(history(6), 6)).isFalse();

        assertThat(reached(resumed, 6, 8, HALF)).containsExactly(7L);
    }

    @Test
    void aPlateauThatWasReachedBeforeTheInterruptionIsSeen() {
        assertThat(new PhaseProgress(script, -1).resume(history(8), 8)).isTrue();
    }

    @Test
    void aPhaseThatBeginsHasNoPlateauBehindIt() {
        assertThat(new PhaseProgress(script, 7).resume(history(8), 12)).isFalse();
    }

    @Test
    void aPhaseWithoutAnEvaluationIsOverWithItsLastStep() {
        assertThat(phases.overWithStep(10)).isFalse();
        assertThat(phases.overWithStep(11)).isTrue();
    }

    @Test
    void aPhaseThatEndsEarlyIsOverWithThatStep() {
        assertThat(phases.overWithStep(7)).isFalse();

        phases.endedEarly(7);

        assertThat(phases.overWithStep(7)).isTrue();
    }

    @Test
    void aPhaseWithAnEvaluationIsOverWithThatUnlessTheJournalHasIt() {
        assertThat(phases.overWithStep(15)).isFalse();
        assertThat(phases.overWithEvaluation(15)).isTrue();
        assertThat(new PhaseProgress(script, 15).overWithEvaluation(15)).isFalse();
    }

    private static List<Long> reached(
            PhaseProgress phases, long first, long end, double agreement) {
        List<Long> reached = new ArrayList<>();
        LongStream.range(first, end)
                .filter(step -> phases.reached(step, List.of(agreement)))
                .forEach(reached::add);
        return reached;
    }

    /** Returns a history of so many steps of the same agreement. */
    private static RunHistory history(long steps) {
        TreeMap<Long, StepCommitted> committed = new TreeMap<>();
        LongStream.range(0, steps)
                .forEach(
                        step ->
                                committed.put(
                                        step,
                                        StepCommitted.newBuilder()
                                                .setStep(step)
                                                .addAgreement(HALF)
                                                .build()));
        return new RunHistory(
                committed,
                new TreeMap<>(),
                new TreeMap<>(),
                new TreeMap<>(),
                new TreeMap<>(),
                new TreeMap<>(),
                List.of(),
                new AtomicLong(),
                new AtomicLong(),
                0);
    }

    private static RunScript script(List<String> overrides) {
        Plan plan = PlanReader.read(TestingPlans.distilled(), overrides).plan();
        return new RunScript(plan, TrackPlanner.tracks(plan, 40), 40);
    }
}
