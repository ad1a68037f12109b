package io.abmesh.coordinator.store;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class LedgerFileTest {
    @TempDir Path folder;

    private Path file;

    @BeforeEach
    void nameTheFile() {
        file = folder.resolve("ledger");
    }

    @Test
    void countsAreKnownToTheNextProcessThoughTheFirstNeverClosedThem() throws IOException {
        try (LedgerFile killed = LedgerFile.open(file)) {
            killed.count("STALE_EPOCH");
            killed.count("CHECKSUM_MISMATCH");
            killed.count("STALE_EPOCH");

            try (LedgerFile next = LedgerFile.open(file)) {
                assertThat(next.damaged()).isFalse();
                assertThat(next.counts())
                        .isEqualTo(Map.of("CHECKSUM_MISMATCH", 1L, "STALE_EPOCH", 2L));
            }
        }
    }

    @Test
    void aNewFileHasNoCounts() throws IOException {
        try (LedgerFile ledger = LedgerFile.open(file)) {
            assertThat(ledger.counts()).isEmpty();
            assertThat(ledger.damaged()).isFalse();
        }
    }

    @Test
    void whatIsCountedTakesTheSameSpaceHoweverMuchItIs() throws IOException {
        try (LedgerFile ledger = LedgerFile.open(file)) {
            long size = Files.size(file);
            for (int i = 0; i < 1000; i++) {
                ledger.count("STALE_EPOCH");
            }
            assertThat(Files.size(file)).isEqualTo(size);
            assertThat(ledger.counts()).isEqualTo(Map.of("STALE_EPOCH", 1000L));
        }
    }

    @Test
    void aCountThatWasCutShortLeavesThoseBeforeIt() throws IOException {
        byte[] before;
        try (LedgerFile ledger = LedgerFile.open(file)) {
            ledger.count("STALE_EPOCH");
            before = Files.readAllBytes(file);
            ledger.count("STALE_EPOCH");
        }
        byte[] after = Files.readAllBytes(file);
        for (int cut = 0; cut < after.length; cut++) {
            if (before[cut] != after[cut]) {
                byte[] torn = after.clone();
                System.arraycopy(before, cut, torn, cut, torn.length - cut);
                Files.write(file, torn);
                try (LedgerFile next = LedgerFile.open(file)) {
                    assertThat(next.counts())
                            .as("cut at byte %d", cut)
                            .isEqualTo(Map.of("STALE_EPOCH", 1L));
                    assertThat(next.damaged()).isFalse();
                }
            }
        }
    }

    @Test
    void aFileWithoutAGoodSlotSaysSoAndCountsAgain() throws IOException {
        Files.write(file, new byte[] {1, 2, 3});
        try (LedgerFile ledger = LedgerFile.open(file)) {
            assertThat(ledger.damaged()).isTrue();
            ledger.count("STALE_EPOCH");
        }
        try (LedgerFile ledger = LedgerFile.open(file)) {
            assertThat(ledger.damaged()).isFalse();
            assertThat(ledger.counts()).isEqualTo(Map.of("STALE_EPOCH", 1L));
        }
    }
}
