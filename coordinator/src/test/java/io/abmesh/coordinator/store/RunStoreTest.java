package io.abmesh.coordinator.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

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
    void aStoreThatCannotBeUsedIsNamedWithTheReason() throws IOException {
        Files.createDirectory(folder.resolve("epoch"));

        assertThatThrownBy(this::open)
                .isInstanceOfSatisfying(
                        MeshException.class,
                        e -> assertThat(e.reason()).isEqualTo(ErrorReason.STORE_FULL))
                .hasMessageStartingWith(
                        "cannot use the store: path="
                                + folder
                                + ", cause=java.nio.file.FileSystemException: ");
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
        RunFolder made = create();
        try (RunStore store = open()) {
            RunFolder run = store.byRequest("request").orElseThrow();
            assertThat(store.move(run, moved).baseDirectory()).isEqualTo(moved);
            assertThat(store.byRequest("request")).map(RunFolder::baseDirectory).contains(moved);
        }
        try (RunStore store = open()) {
            RunFolder run = store.byRequest("request").orElseThrow();
            assertThat(run.baseDirectory()).isEqualTo(moved);
            assertThat(run.overrides()).isEqualTo(made.overrides());
            assertThat(run.plan().sha256()).isEqualTo(made.plan().sha256());
        }
    }

    @Test
    void aRunKeepsItsPlanWhateverThePlansRulesAreLater() throws IOException {
        RunFolder made = create();
        Files.writeString(made.file("plan.yaml"), "a key that is no more: 1");

        try (RunStore store = open()) {
            assertThat(store.runs())
                    .singleElement()
                    .satisfies(
                            run -> {
                                assertThat(run.plan().plan()).isEqualTo(made.plan().plan());
                                assertThat(run.plan().sha256()).isEqualTo(made.plan().sha256());
                            });
        }
    }

    @Test
    void aRunWithoutItsPlanIsNamed() throws IOException {
        RunFolder made = create();
        Files.writeString(made.file("plan.json"), "{\"batch\": ");
        assertPlanIsMissed(made);

        Files.delete(made.file("plan.json"));
        assertPlanIsMissed(made);
    }

    private void assertPlanIsMissed(RunFolder run) {
        assertThatThrownBy(this::open)
                .isInstanceOfSatisfying(
                        MeshException.class,
                        e -> assertThat(e.reason()).isEqualTo(ErrorReason.STORE_FULL))
                .hasMessageContaining(
                        "plan of a run cannot be read: folder=" + run.folder() + ", found=")
                .hasMessageEndingWith(
                        ", expected=a whole plan.json; move the folder out of the store to start"
                                + " without it");
    }

    private RunFolder create() {
        String yaml = TestingPlans.distilled();
        List<String> overrides =
                List.of("data.train.fraction=0.1", "data.train.images=0", "seed=-7");
        try (RunStore store = open()) {
            return store.create(
                    "request", yaml, overrides, PlanReader.read(yaml, overrides), folder);
        }
    }

    private RunStore open() {
        return RunStore.open(folder, Clock.systemUTC(), new SplittableRandom(1));
    }
}
