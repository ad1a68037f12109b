package io.abmesh.coordinator.cluster.decision;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.coordinator.cluster.decision.Admission.Candidate;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;

final class AdmissionTest {
    private static Candidate run(String uid, int second, boolean executing, boolean ready) {
        return new Candidate(uid, "run-" + uid, Instant.ofEpochSecond(second), executing, ready);
    }

    @Test
    void theOldestThatIsReadyHasItsTurn() {
        Candidate first = run("b", 1, false, true);
        assertThat(
                        Admission.turn(
                                List.of(
                                        run("a", 2, false, true),
                                        first,
                                        run("c", 0, false, false))))
                .contains(first);
    }

    @Test
    void ofTwoOfTheSameSecondOneAndAlwaysTheSameIsFirst() {
        Candidate a = run("a", 1, false, true);
        Candidate b = run("b", 1, false, true);
        assertThat(Admission.turn(List.of(b, a))).contains(a);
        assertThat(Admission.turn(List.of(a, b))).contains(a);
    }

    @Test
    void aRunThatIsExecutedKeepsItsTurnThoughAnOlderOneBecomesReady() {
        Candidate executing = run("b", 2, true, true);
        assertThat(Admission.turn(List.of(run("a", 1, false, true), executing)))
                .contains(executing);
    }

    @Test
    void nobodyHasATurnWhenNobodyIsReady() {
        assertThat(Admission.turn(List.of(run("a", 1, false, false)))).isEmpty();
        assertThat(Admission.turn(List.of())).isEmpty();
    }
}
