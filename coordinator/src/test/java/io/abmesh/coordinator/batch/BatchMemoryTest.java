package io.abmesh.coordinator.batch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.abmesh.kube.Waiting;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

final class BatchMemoryTest {
    private static final long DEADLINE_SECONDS = 60;

    private final BatchMemory memory = new BatchMemory(100);

    @Test
    void aRunThatStreamsAloneMayTakeEverything() {
        memory.begin("a");
        assertThat(memory.tryTake("a", 60)).isTrue();
        assertThat(memory.tryTake("a", 40)).isTrue();
        assertThat(memory.tryTake("a", 1)).isFalse();
    }

    @Test
    void runsThatStreamShareEquallyAndOneThatHoldsItsPartHoldsUpNoOther() {
        memory.begin("a");
        memory.begin("b");
        memory.begin("a");
        assertThat(memory.tryTake("a", 50)).isTrue();
        assertThat(memory.tryTake("a", 1)).isFalse();
        assertThat(memory.tryTake("b", 30)).isTrue();
        assertThat(memory.tryTake("b", 20)).isTrue();
    }

    @Test
    void whatWasTakenStaysWhenAnotherRunBeginsAndNoMoreIsGivenAboveThePart() {
        memory.begin("a");
        memory.tryTake("a", 40);
        memory.tryTake("a", 40);
        memory.begin("b");
        memory.give("a", 40);
        assertThat(memory.tryTake("a", 20)).as("40 of 50 are taken").isFalse();
        assertThat(memory.tryTake("a", 10)).isTrue();
    }

    @Test
    void aRunThatHasNothingMayTakeOneBatchOfAnySize() {
        memory.begin("a");
        assertThat(memory.tryTake("a", 500)).isTrue();
        assertThat(memory.tryTake("a", 1)).isFalse();
        memory.give("a", 500);
        assertThat(memory.tryTake("a", 1)).isTrue();
    }

    @Test
    void whoWaitsGoesOnWhenItsRunGivesBack() throws Exception {
        memory.begin("a");
        memory.tryTake("a", 100);
        CompletableFuture<Void> waiting = taking("a", 10);
        memory.give("a", 10);
        waiting.get(DEADLINE_SECONDS, TimeUnit.SECONDS);
        assertThat(memory.tryTake("a", 1)).isFalse();
    }

    @Test
    void whoWaitsGoesOnWhenAnotherRunEnds() throws Exception {
        memory.begin("a");
        memory.begin("b");
        memory.tryTake("a", 50);
        CompletableFuture<Void> waiting = taking("a", 50);
        memory.end("b");
        waiting.get(DEADLINE_SECONDS, TimeUnit.SECONDS);
        assertThat(memory.tryTake("a", 1)).isFalse();
    }

    @Test
    void memoryIsPositive() {
        assertThatThrownBy(() -> new BatchMemory(0))
                .hasMessage("memory for batches is not positive: 0");
    }

    /** Takes memory that is not there on another thread; returns when that waits. */
    private CompletableFuture<Void> taking(String run, long bytes) {
        CompletableFuture<Void> taken = new CompletableFuture<>();
        Thread taker =
                new Thread(
                        () -> {
                            try {
                                memory.take(run, bytes);
                                taken.complete(null);
                            } catch (InterruptedException e) {
                                taken.completeExceptionally(e);
                            }
                        },
                        "taker");
        taker.setDaemon(true);
        taker.start();
        Waiting.until(
                "it waits",
                Duration.ofSeconds(DEADLINE_SECONDS),
                () -> taker.getState() == Thread.State.WAITING);
        return taken;
    }
}
