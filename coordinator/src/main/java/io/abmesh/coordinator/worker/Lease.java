package io.abmesh.coordinator.worker;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;

/** How long a peer may be silent. Thread-safe. */
final class Lease {
    private final Clock clock;
    private final Duration duration;
    private volatile Instant heard;

    Lease(Clock clock, Duration duration) {
        this.clock = clock;
        this.duration = duration;
        this.heard = clock.instant();
    }

    /** The peer said something. */
    void renew() {
        heard = clock.instant();
    }

    boolean expired() {
        return clock.instant().isAfter(heard.plus(duration));
    }
}
