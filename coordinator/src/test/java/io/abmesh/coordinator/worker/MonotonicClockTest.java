package io.abmesh.coordinator.worker;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

final class MonotonicClockTest {
    @Test
    void itGoesOnByTheCounterAloneAlsoOverItsEnd() {
        AtomicLong nanos = new AtomicLong(Long.MAX_VALUE - 10);
        Clock clock = new MonotonicClock(Instant.EPOCH, nanos::get);
        assertThat(clock.instant()).isEqualTo(Instant.EPOCH);

        nanos.addAndGet(25);

        assertThat(clock.instant()).isEqualTo(Instant.EPOCH.plusNanos(25));
    }

    @Test
    void itBeginsWithTheTimeOfDay() {
        Instant before = Instant.now();

        assertThat(new MonotonicClock().instant())
                .isBetween(before, before.plus(Duration.ofMinutes(1)));
    }
}
