package io.abmesh.coordinator.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.abmesh.coordinator.plan.PlanReader;
import io.abmesh.coordinator.plan.TrackPlanner;
import io.abmesh.coordinator.run.RunScript.Checkpoint;
import io.abmesh.coordinator.run.RunScript.EndTrack;
import io.abmesh.coordinator.run.RunScript.Evaluate;
import io.abmesh.coordinator.run.RunScript.Item;
import io.abmesh.coordinator.run.RunScript.Step;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.Plan;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** An epoch is four steps, a checkpoint comes every three, an evaluation every epoch. */
final class AssignmentsTest {
    private static final int MOST = 3;

    @Test
    void studentsAreGivenNoMoreThanTheyTake() {
        assertThat(give(atStart())).containsExactly(new Step(0), new Step(1), new Step(2));
    }

    @Test
    void whatIsNotReadyComesNextUntilItIsGiven() {
        Assignments assignments = atStart();

        assertThat(assignments.next(MOST)).contains(new Step(0));
        assertThat(assignments.next(MOST)).contains(new Step(0));
        assertThat(assignments.unanswered()).isZero();
    }

    @Test
    void aStepWaitsForTheEvaluationBeforeIt() {
        Assignments assignments = behind(2);
        assertThat(give(assignments))
                .containsExactly(new Step(3), new Evaluate(3), new Checkpoint(3));

        assignments.trained(3);
        assertThat(give(assignments)).isEmpty();

        assignments.evaluated(3);
        assertThat(give(assignments)).startsWith(new Step(4));
    }

    @Test
    void stepsGoOnWhileACheckpointIsWritten() {
        Assignments assignments = atStart();
        give(assignments);
        assignments.trained(0);
        assignments.trained(1);
        assignments.trained(2);

        assertThat(give(assignments)).startsWith(new Checkpoint(2), new Step(3));
        assignments.trained(3);
        assertThat(assignments.oldest()).contains(new Evaluate(3));
        assignments.evaluated(3);
        assignments.checkpointed(3);
        assertThat(assignments.oldest()).as("is all that is left").contains(new Checkpoint(2));
    }

    @Test
    void aReportOfAnotherAssignmentIsRefused() {
        Assignments assignments = atStart();
        give(assignments);

        assertThatThrownBy(() -> assignments.trained(1))
                .isInstanceOfSatisfying(
                        MeshException.class,
                        e -> assertThat(e.reason()).isEqualTo(ErrorReason.STREAM_PROTOCOL))
                .hasMessage("report is of another assignment: found=Step 1, expected=Step[step=0]");
        assertThatThrownBy(() -> assignments.evaluated(0))
                .hasMessageStartingWith("report is of another assignment: found=Evaluate 0");
        assertThat(assignments.committed()).isEqualTo(-1);
    }

    @Test
    void aReportThatNobodyWaitsForIsRefused() {
        assertThatThrownBy(() -> atStart().trained(0))
                .hasMessage("report is of another assignment: found=Step 0, expected=null");
    }

    @Test
    void whatIsUnfinishedBehindThePositionComesFirst() {
        Assignments assignments =
                new Assignments(script(TestingPlans.supervised()), 3, List.of(new Evaluate(3)), 4);

        assertThat(give(assignments)).containsExactly(new Evaluate(3));
        assignments.evaluated(3);
        assertThat(give(assignments)).startsWith(new Step(4));
    }

    @Test
    void nothingIsGivenBehindAStepThatMayEndItsPhaseUntilItIsCommitted() {
        Assignments assignments = new Assignments(threeEpochsAtMost(), 2, List.of(), 3);

        assertThat(give(assignments)).containsExactly(new Step(3));
        assignments.trained(3);
        assertThat(give(assignments)).startsWith(new Step(4));
    }

    @Test
    void aPhaseThatEndsEarlyIsFollowedByTheNext() {
        Assignments assignments = new Assignments(threeEpochsAtMost(), 2, List.of(), 3);
        give(assignments);
        assignments.trained(3);

        assertThat(assignments.endPhaseEarly()).isEqualTo(12);
        assertThat(give(assignments)).startsWith(new Checkpoint(3), new Step(12));
    }

    @Test
    void anEvaluationWhereAPhaseEndsEarlyIsGivenOnce() {
        Assignments assignments = new Assignments(classifierWithBoundary(), 2, List.of(), 3);
        assertThat(give(assignments))
                .as("behind the step nothing, until it is known whether the phase goes on")
                .containsExactly(new Step(3));
        assignments.trained(3);

        assignments.endPhaseEarly();

        assertThat(give(assignments)).containsExactly(new Evaluate(3), new Checkpoint(3));
        assignments.evaluated(3);
        assertThat(give(assignments)).startsWith(new Step(12));
    }

    @Test
    void anEvaluationThatIsAskedForAlreadyIsNotAskedForAgainWhereThePhaseEnds() {
        Assignments assignments =
                new Assignments(
                        classifierWithBoundary(),
                        3,
                        List.of(new Evaluate(3), new Checkpoint(3)),
                        4);
        assertThat(give(assignments)).containsExactly(new Evaluate(3), new Checkpoint(3));

        assignments.endPhaseEarly();

        assertThat(give(assignments)).isEmpty();
        assignments.evaluated(3);
        assertThat(give(assignments)).startsWith(new Step(12));
    }

    @Test
    void aRunIsDoneOnceEverythingIsAnswered() {
        Assignments assignments = behind(6);
        assertThat(give(assignments))
                .containsExactly(
                        new Step(7),
                        new Evaluate(7),
                        new Checkpoint(7),
                        new EndTrack(7, TrackPlanner.SUPERVISED));

        assignments.trained(7);
        assignments.evaluated(7);
        assignments.trackEnded();
        assertThat(assignments.done()).as("its checkpoint is not written").isFalse();

        assignments.checkpointed(7);
        assertThat(assignments.done()).isTrue();
    }

    /** Gives as much as the students take, if everything is ready. */
    private static List<Item> give(Assignments assignments) {
        List<Item> given = new ArrayList<>();
        Optional<Item> next = assignments.next(MOST);
        while (next.isPresent()) {
            given.add(next.get());
            assignments.given();
            next = assignments.next(MOST);
        }
        return given;
    }

    private static Assignments atStart() {
        return behind(-1);
    }

    private static Assignments behind(long step) {
        return new Assignments(script(TestingPlans.supervised()), step, List.of(), step + 1);
    }

    /** Twelve steps of boundary, which may end after four or eight; then kd. */
    private static RunScript threeEpochsAtMost() {
        return script(
                TestingPlans.distilled(),
                "phases[0].epochs=3",
                "phases[0].until.plateauEpochs=1",
                "compare.crossEntropy=false");
    }

    /** The same, evaluated after each epoch. */
    private static RunScript classifierWithBoundary() {
        return script(
                TestingPlans.distilled(),
                "phases[0].epochs=3",
                "phases[0].losses=[boundary, crossEntropy]",
                "phases[0].until.plateauEpochs=1",
                "evaluateEveryEpochs=1",
                "checkpointEverySteps=0",
                "compare.crossEntropy=false");
    }

    private static RunScript script(String yaml, String... overrides) {
        Plan plan = PlanReader.read(yaml, Arrays.asList(overrides)).plan();
        return new RunScript(plan, TrackPlanner.tracks(plan, 40), 40);
    }
}
