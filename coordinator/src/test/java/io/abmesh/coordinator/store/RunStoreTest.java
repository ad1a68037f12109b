package io.abmesh.coordinator.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.abmesh.coordinator.plan.CompletePlan;
import io.abmesh.coordinator.plan.PlanReader;
import io.abmesh.coordinator.run.TestingPlans;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class RunStoreTest {
    private static final String PLAN = TestingPlans.supervised();

    @TempDir Path folder;

    @Test
    void anEpochIsNeverGivenOutTwiceAlsoByTheNextCoordinator() {
        try (RunStore store = open()) {
            assertThat(store.nextEpoch()).isEqualTo(1);
            assertThat(store.nextEpoch()).isEqualTo(2);
        }
        try (RunStore store = open()) {
            assertThat(store.nextEpoch()).isEqualTo(3);
        }
    }

    @Test
    void aDamagedEpochFileIsRefused() throws IOException {
        Files.writeString(folder.resolve("epoch"), "12\n");

        assertThatThrownBy(this::open)
                .isInstanceOfSatisfying(
                        MeshException.class,
                        e -> assertThat(e.reason()).isEqualTo(ErrorReason.STORE_FULL))
                .hasMessageEndingWith(
                        "epoch file is damaged: file="
                                + folder.resolve("epoch")
                                + ", found=12, expected=19 digits");
    }

    @Test
    void twoCoordinatorsNeverShareAStore() {
        try (RunStore first = open()) {
            assertThat(first.runs()).isEmpty();
            assertThatThrownBy(this::open)
                    .hasMessage("another coordinator holds the store: store=" + folder);
        }
    }

    @Test
    void aRunThatWasMovedIsKnownThereAlsoByTheNextCoordinator() {
        Path moved = folder.resolve("moved");
        try (RunStore store = open()) {
            RunFolder run = store.create("request", PLAN, List.of("seed=7"), plan(), folder);
            assertThat(store.move(run, moved).baseDirectory()).isEqualTo(moved);
            assertThat(store.byRequest("request")).map(RunFolder::baseDirectory).contains(moved);
        }
        try (RunStore store = open()) {
            RunFolder run = store.byRequest("request").orElseThrow();
            assertThat(run.baseDirectory()).isEqualTo(moved);
            assertThat(run.overrides()).containsExactly("seed=7");
            assertThat(run.plan().sha256()).isEqualTo(plan().sha256());
        }
    }

    private static CompletePlan plan() {
        return PlanReader.read(PLAN, List.of("seed=7"));
    }

    private RunStore open() {
        return RunStore.open(folder, Clock.systemUTC(), new SplittableRandom(1));
    }
}
