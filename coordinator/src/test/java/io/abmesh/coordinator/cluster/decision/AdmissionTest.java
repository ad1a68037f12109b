package io.abmesh.coordinator.cluster.decision;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.coordinator.cluster.decision.Admission.Candidate;
import io.abmesh.coordinator.cluster.decision.Admission.Turn;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class AdmissionTest {
    private static Candidate run(String uid, int second, boolean executing, boolean ready) {
        return new Candidate(uid, "run-" + uid, Instant.ofEpochSecond(second), executing, ready);
    }

    private static List<String> holders(int places, Candidate... candidates) {
        return Admission.turn(candidates[0].name(), List.of(candidates), Set.of(), places)
                .holders();
    }

    @Test
    void theOldestThatAreReadyHaveTheirTurn() {
        Candidate[] runs = {
            run("a", 2, false, true),
            run("b", 1, false, true),
            run("c", 0, false, false),
            run("d", 3, false, true)
        };
        assertThat(holders(1, runs)).containsExactly("run-b");
        assertThat(holders(2, runs)).containsExactly("run-b", "run-a");
        assertThat(holders(8, runs)).containsExactly("run-b", "run-a", "run-d");
    }

    @Test
    void ofTwoOfTheSameSecondOneAndAlwaysTheSameIsFirst() {
        Candidate a = run("a", 1, false, true);
        Candidate b = run("b", 1, false, true);
        assertThat(holders(1, b, a)).containsExactly("run-a");
        assertThat(holders(1, a, b)).containsExactly("run-a");
    }

    @Test
    void aRunThatIsExecutedKeepsItsTurnThoughAnOlderOneBecomesReady() {
        assertThat(holders(1, run("a", 1, false, true), run("b", 2, true, true)))
                .containsExactly("run-b");
    }

    @Test
    void runsThatAreExecutedKeepTheirTurnsThoughFewerMayBeNow() {
        assertThat(
                        holders(
                                1,
                                run("a", 1, true, true),
                                run("b", 2, true, true),
                                run("c", 0, false, true)))
                .containsExactly("run-a", "run-b");
    }

    @Test
    void nobodyHasATurnWhenNobodyIsReady() {
        assertThat(holders(1, run("a", 1, false, false))).isEmpty();
    }

    @Test
    void aRunWaitsForItsPlaceUntilTheWorkersOfTheOneBeforeAreGone() {
        List<Candidate> runs = List.of(run("a", 1, true, true), run("b", 2, false, true));
        assertThat(Admission.turn("run-b", runs, Set.of("run-a", "run-gone"), 2))
                .isEqualTo(new Turn(true, List.of("run-a", "run-b"), true));
        assertThat(Admission.turn("run-b", runs, Set.of("run-a"), 2).othersLeaving()).isFalse();
        assertThat(Admission.turn("run-b", runs, Set.of("run-a", "run-gone"), 3).othersLeaving())
                .as("there is room beside those that leave")
                .isFalse();
    }

    @Test
    void aRunThatIsExecutedWaitsForNobody() {
        List<Candidate> runs = List.of(run("a", 1, true, true), run("b", 2, false, true));
        assertThat(Admission.turn("run-a", runs, Set.of("run-gone", "run-a"), 2).othersLeaving())
                .isFalse();
    }

    @Test
    void ofTwoThatBeginTheYoungerWaitsForTheWorkersThatLeave() {
        List<Candidate> runs = List.of(run("a", 1, false, true), run("b", 2, false, true));
        Set<String> pods = Set.of("run-gone");
        assertThat(Admission.turn("run-a", runs, pods, 2).othersLeaving()).isFalse();
        assertThat(Admission.turn("run-b", runs, pods, 2).othersLeaving()).isTrue();
    }
}
