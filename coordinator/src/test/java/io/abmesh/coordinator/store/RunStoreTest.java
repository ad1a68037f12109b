package io.abmesh.coordinator.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
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
    void twoCoordinatorsNeverShareAStore() {
        try (RunStore first = open()) {
            assertThat(first.runs()).isEmpty();
            assertThatThrownBy(this::open)
                    .hasMessage("another coordinator holds the store: store=" + folder);
        }
    }

    private RunStore open() {
        return RunStore.open(folder, Clock.systemUTC(), new SplittableRandom(1));
    }
}
