package io.abmesh.coordinator.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.abmesh.coordinator.plan.PlanReader;
import io.abmesh.coordinator.plan.TrackPlanner;
import io.abmesh.coordinator.run.RunScript.Checkpoint;
import io.abmesh.coordinator.run.RunScript.EndTrack;
import io.abmesh.coordinator.run.RunScript.Evaluate;
import io.abmesh.coordinator.run.RunScript.Step;
import io.abmesh.proto.v1.Plan;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

final class RunScriptTest {
    @Test
    void aTrackEndsWithAnEvaluationACheckpointAndItsEndInThisOrder() {
        RunScript script = script(TestingPlans.distilled());

        assertThat(script.totalSteps()).isEqualTo(16);
        assertThat(script.items(7))
                .containsExactly(
                        new Step(7),
                        new Evaluate(7),
                        new Checkpoint(7),
                        new EndTrack(7, "cross-entropy"));
        assertThat(script.items(15))
                .containsExactly(
                        new Step(15),
                        new Evaluate(15),
                        new Checkpoint(15),
                        new EndTrack(15, "distilled"));
    }

    @Test
    void aBoundaryPhaseEndsWithoutAnEvaluation() {
        assertThat(script(TestingPlans.distilled()).items(11))
                .containsExactly(new Step(11), new Checkpoint(11));
    }

    @Test
    void aPhaseThatTrainsTheClassifierEndsWithAnEvaluation() {
        RunScript script = script(TestingPlans.supervised(), "evaluateEveryEpochs=0");

        assertThat(script.items(3))
                .containsExactly(new Step(3), new Evaluate(3), new Checkpoint(3));
        assertThat(script.items(1)).containsExactly(new Step(1));
    }

    @Test
    void checkpointsComeEverySoManySteps() {
        RunScript script = script(TestingPlans.supervised(), "evaluateEveryEpochs=0");

        assertThat(script.items(2)).containsExactly(new Step(2), new Checkpoint(2));
        assertThat(script.items(5)).containsExactly(new Step(5), new Checkpoint(5));
    }

    @Test
    void evaluationsComeEverySoManyEpochsWhereTheClassifierIsTrained() {
        RunScript script =
                script(
                        TestingPlans.distilled(),
                        "evaluateEveryEpochs=1",
                        "phases[0].epochs=2",
                        "phases[1].epochs=2",
                        "checkpointEverySteps=0");

        // 16 steps of cross-entropy, 8 of boundary, 8 of kd; an epoch is four
        assertThat(script.items(3)).containsExactly(new Step(3), new Evaluate(3));
        assertThat(script.items(19)).containsExactly(new Step(19));
        assertThat(script.items(27)).containsExactly(new Step(27), new Evaluate(27));
    }

    @Test
    void aPhaseThatEndsEarlyIsFollowedByWhatFollowsItsLastStep() {
        RunScript script =
                script(
                        TestingPlans.distilled(),
                        "phases[0].epochs=3",
                        "phases[0].until.plateauEpochs=1",
                        "compare.crossEntropy=false");

        assertThat(script.decides(3)).isTrue();
        assertThat(script.decides(4)).isFalse();
        assertThat(script.decides(11)).as("last of the phase").isFalse();
        assertThat(script.endOfPhase(3)).containsExactly(new Checkpoint(3));
        assertThat(script.nextPhase(3)).contains(12L);
        assertThat(script.nextPhase(15)).isEmpty();
    }

    @Test
    void anEpochThatAPhaseMayEndWithIsWholeThoughTheTrackIsWithinOne() {
        Plan plan =
                PlanReader.read(
                                TestingPlans.distilled(),
                                Arrays.asList(
                                        "phases[0].epochs=1.5",
                                        "phases[1].losses=[kd, boundary]",
                                        "phases[1].until.plateauEpochs=1",
                                        "phases[1].epochs=2.5",
                                        "compare.crossEntropy=false"))
                        .plan();
        RunScript script = new RunScript(plan, TrackPlanner.tracks(plan, 40), 40);

        // six steps of boundary; then epochs of four
        assertThat(script.place(6).phase().getStartStep()).isEqualTo(6);
        assertThat(script.decides(7)).as("an epoch of the track").isFalse();
        assertThat(script.decides(8)).isFalse();
        assertThat(script.decides(9)).isTrue();
        assertThat(script.decides(13)).isTrue();
        assertThat(script.decides(15)).as("last of the phase").isFalse();
    }

    @Test
    void aStepOutsideTheRunIsNowhere() {
        assertThatThrownBy(() -> script(TestingPlans.supervised()).place(8))
                .hasMessage("step: found=8, expected=[0, 8)");
    }

    @Test
    void aTeacherIsNeededByABoundaryOrKdPhase() {
        assertThat(script(TestingPlans.distilled()).needsTeacher()).isTrue();
        assertThat(script(TestingPlans.supervised()).needsTeacher()).isFalse();
    }

    private static RunScript script(String yaml, String... overrides) {
        Plan plan = PlanReader.read(yaml, Arrays.asList(overrides)).plan();
        return new RunScript(plan, TrackPlanner.tracks(plan, 40), 40);
    }
}
