package io.abmesh.coordinator.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.coordinator.run.Lending.Borrower;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class LendingTest {
    private static Borrower run(String name, int workers, int useful) {
        return new Borrower(name, "request-" + name, workers, useful, false);
    }

    private static Borrower known(String name, int workers, int useful) {
        return new Borrower(name, "request-" + name, workers, useful, true);
    }

    private static Optional<String> lent(Borrower... oldestFirst) {
        return Lending.choose(Optional.empty(), List.of(oldestFirst)).map(Borrower::runId);
    }

    @Test
    void aWorkerThatNamesARunWorksForNoOther() {
        List<Borrower> runs = List.of(run("a", 0, 4), run("b", 9, 4));
        assertThat(Lending.choose(Optional.of("request-b"), runs)).contains(run("b", 9, 4));
        assertThat(Lending.choose(Optional.of("request-c"), runs)).isEmpty();
    }

    @Test
    void theOldestRunWithNobodyIsFirst() {
        assertThat(lent(run("a", 1, 4), run("b", 0, 4), run("c", 0, 4))).contains("b");
    }

    @Test
    void whereEveryRunHasAWorkerTheOldestWithWorkForOneMoreIsNext() {
        assertThat(lent(run("a", 2, 2), run("b", 1, 2), run("c", 1, 2))).contains("b");
    }

    @Test
    void aWorkerThatNobodyHasWorkForStandsByForTheOldest() {
        assertThat(lent(run("a", 2, 2), run("b", 1, 1))).contains("a");
    }

    @Test
    void aWorkerThatComesBackGoesToTheRunThatKnowsIt() {
        assertThat(lent(run("a", 0, 4), known("b", 1, 4))).contains("b");
        assertThat(lent(known("a", 1, 4), known("b", 0, 4))).contains("b");
    }

    @Test
    void nobodyIsLentWhereNoRunIsInProgress() {
        assertThat(lent()).isEmpty();
    }
}
