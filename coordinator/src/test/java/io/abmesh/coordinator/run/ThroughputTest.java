package io.abmesh.coordinator.run;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class ThroughputTest {
    private final TestingClock clock = new TestingClock();
    private final Throughput throughput = new Throughput(clock);

    @Test
    void nothingIsSaidBeforeTheSecondPiece() {
        assertThat(throughput.perSecond()).isZero();
        throughput.add(0, 64);
        clock.advance(Duration.ofSeconds(1));
        assertThat(throughput.perSecond()).isZero();
    }

    @Test
    void aPieceCountsForTheTimeSinceTheOneBefore() {
        throughput.add(0, 64);
        clock.advance(Duration.ofMillis(500));
        throughput.add(32, 32);

        assertThat(throughput.perSecond()).isEqualTo(128);
        assertThat(throughput.cachedCount()).isEqualTo(32);
        assertThat(throughput.computedCount()).isEqualTo(96);
    }

    @Test
    void itFallsOffWhileNothingIsDone() {
        throughput.add(0, 64);
        clock.advance(Duration.ofMillis(500));
        throughput.add(0, 64);
        clock.advance(Duration.ofMillis(1500));

        assertThat(throughput.perSecond()).isEqualTo(32);
    }

    @Test
    void whatWasDoneBeforeAnInterruptionIsCountedButSaysNothingOfTheSpeed() {
        throughput.add(0, 64);
        clock.advance(Duration.ofSeconds(100));
        throughput.add(0, 64);
        throughput.interrupted();
        clock.advance(Duration.ofSeconds(100));
        throughput.add(0, 64);
        clock.advance(Duration.ofMillis(250));
        throughput.add(0, 64);

        assertThat(throughput.perSecond()).isEqualTo(256);
        assertThat(throughput.computedCount()).isEqualTo(256);
    }
}
