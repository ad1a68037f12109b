package io.abmesh.coordinator.cluster.decision;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.coordinator.cluster.decision.Admission.Turn;
import io.abmesh.coordinator.cluster.decision.RunFacts.Count;
import io.abmesh.coordinator.cluster.resource.RunPhase;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class RunVerdictTest {
    private static final Count NONE = new Count(0, 0);
    private static final Turn OWN = new Turn(true, List.of("mine"), false);

    private static RunFacts facts(MeshState state, Turn turn, Count students) {
        return new RunFacts(List.of(), true, false, turn, state, "", "", students, new Count(2, 2));
    }

    private static Turn queued(String... holders) {
        return new Turn(false, List.of(holders), false);
    }

    private static RunCondition condition(RunVerdict verdict, ConditionType type) {
        return verdict.conditions().stream()
                .filter(c -> c.type() == type)
                .findFirst()
                .orElseThrow();
    }

    private static Map<String, String> reasons(RunVerdict verdict) {
        Map<String, String> reasons = new HashMap<>();
        verdict.conditions().forEach(c -> reasons.put(c.type().word(), c.reason().word()));
        return reasons;
    }

    @Test
    void everyConditionIsAlwaysThere() {
        for (MeshState state : MeshState.values()) {
            assertThat(RunVerdict.of(facts(state, queued(), NONE)).conditions())
                    .extracting(RunCondition::type)
                    .containsExactly(ConditionType.values());
        }
    }

    @Test
    void aBadFirstSpecWaitsAndTellsEveryProblem() {
        RunVerdict verdict =
                RunVerdict.of(
                        new RunFacts(
                                List.of("one", "two"),
                                false,
                                false,
                                queued(),
                                MeshState.ABSENT,
                                "",
                                "",
                                NONE,
                                NONE));
        assertThat(verdict.phase()).isEqualTo(RunPhase.PENDING);
        assertThat(condition(verdict, ConditionType.SPEC_VALID))
                .isEqualTo(
                        new RunCondition(
                                ConditionType.SPEC_VALID, false, Reason.SPEC_REJECTED, "one\ntwo"));
    }

    @Test
    void aBadLaterSpecChangesNothingOfTheRun() {
        RunVerdict verdict =
                RunVerdict.of(
                        new RunFacts(
                                List.of("one"),
                                true,
                                false,
                                OWN,
                                MeshState.RUNNING,
                                "",
                                "",
                                new Count(1, 1),
                                NONE));
        assertThat(verdict.phase()).isEqualTo(RunPhase.RUNNING);
        assertThat(condition(verdict, ConditionType.SPEC_VALID).message())
                .isEqualTo("one\nthe last good spec stays in force");
        assertThat(condition(verdict, ConditionType.TRAINING).holds()).isTrue();
    }

    @Test
    void aRunWaitsForItsTurnAndNamesTheOther() {
        RunVerdict verdict = RunVerdict.of(facts(MeshState.ABSENT, queued("other"), NONE));
        assertThat(verdict.phase()).isEqualTo(RunPhase.PENDING);
        assertThat(condition(verdict, ConditionType.ADMITTED).message())
                .isEqualTo("waits for run other");
    }

    @Test
    void aRunThatWaitsForOneOfSeveralNamesThem() {
        RunVerdict verdict =
                RunVerdict.of(facts(MeshState.ABSENT, queued("first", "second"), NONE));
        assertThat(condition(verdict, ConditionType.ADMITTED))
                .isEqualTo(
                        new RunCondition(
                                ConditionType.ADMITTED,
                                false,
                                Reason.QUEUED,
                                "waits for one of the runs first, second"));
    }

    @Test
    void workersCountBeforeTheyAreReady() {
        RunVerdict verdict = RunVerdict.of(facts(MeshState.PENDING, OWN, new Count(3, 1)));
        assertThat(verdict.phase()).isEqualTo(RunPhase.STARTING);
        assertThat(condition(verdict, ConditionType.WORKERS_READY))
                .isEqualTo(
                        new RunCondition(
                                ConditionType.WORKERS_READY,
                                false,
                                Reason.WORKERS_STARTING,
                                "students 1 of 3, teachers 2 of 2"));
    }

    @Test
    void aRunInProgressThatNoStudentIsReadyForDoesNotTrain() {
        RunVerdict verdict = RunVerdict.of(facts(MeshState.RUNNING, OWN, new Count(2, 0)));
        assertThat(verdict.phase()).isEqualTo(RunPhase.RUNNING);
        assertThat(condition(verdict, ConditionType.TRAINING))
                .isEqualTo(
                        new RunCondition(
                                ConditionType.TRAINING,
                                false,
                                Reason.WORKERS_STARTING,
                                "no student is ready"));
        assertThat(
                        condition(
                                        RunVerdict.of(
                                                facts(MeshState.RUNNING, OWN, new Count(2, 1))),
                                        ConditionType.TRAINING)
                                .holds())
                .isTrue();
    }

    @Test
    void aFailureIsTold() {
        RunVerdict verdict =
                RunVerdict.of(
                        new RunFacts(
                                List.of(),
                                true,
                                false,
                                queued(),
                                MeshState.FAILED,
                                "LOSS_NOT_FINITE: loss is NaN",
                                "",
                                NONE,
                                NONE));
        assertThat(verdict.phase()).isEqualTo(RunPhase.FAILED);
        assertThat(condition(verdict, ConditionType.COMPLETE))
                .isEqualTo(
                        new RunCondition(
                                ConditionType.COMPLETE,
                                true,
                                Reason.FAILED,
                                "LOSS_NOT_FINITE: loss is NaN"));
    }

    @Test
    void anEventIsToldOnceWhenSomethingBecomesSo() {
        RunVerdict starting = RunVerdict.of(facts(MeshState.PENDING, OWN, new Count(1, 0)));
        RunVerdict running = RunVerdict.of(facts(MeshState.RUNNING, OWN, new Count(1, 1)));
        assertThat(Transition.between(Map.of(), starting))
                .extracting(Transition::reason)
                .containsExactly(Reason.SPEC_ACCEPTED, Reason.ADMITTED, Reason.WORKERS_STARTING);
        assertThat(Transition.between(reasons(starting), running))
                .extracting(Transition::reason)
                .containsExactly(Reason.WORKERS_READY, Reason.TRAINING);
        assertThat(Transition.between(reasons(running), running)).isEmpty();
    }

    @Test
    void aRefusalIsToldInItsWordsUntilItIsOver() {
        RunFacts starting = facts(MeshState.PENDING, OWN, new Count(1, 0));
        RunVerdict refused = RunVerdict.of(starting.withRefusal("quota"));
        assertThat(condition(refused, ConditionType.WORKERS_READY))
                .isEqualTo(
                        new RunCondition(
                                ConditionType.WORKERS_READY, false, Reason.REFUSED, "quota"));
        assertThat(Transition.between(reasons(RunVerdict.of(starting)), refused))
                .containsExactly(new Transition(Reason.REFUSED, "quota"));
        assertThat(Transition.between(reasons(refused), RunVerdict.of(starting)))
                .extracting(Transition::reason)
                .containsExactly(Reason.WORKERS_STARTING);
    }

    @Test
    void anEndIsOneEvent() {
        RunVerdict running = RunVerdict.of(facts(MeshState.RUNNING, OWN, new Count(1, 1)));
        RunVerdict done = RunVerdict.of(facts(MeshState.SUCCEEDED, queued(), NONE));
        assertThat(Transition.between(reasons(running), done))
                .extracting(Transition::reason)
                .containsExactly(Reason.SUCCEEDED);
    }

    @Test
    void aSuspendedRunThatHasItsTurnAgainGoesOn() {
        assertThat(
                        Transition.between(
                                Map.of("Admitted", "Suspended"),
                                RunVerdict.of(facts(MeshState.RUNNING, OWN, new Count(1, 1)))))
                .extracting(Transition::reason)
                .contains(Reason.RESUMED);
    }
}
