package io.abmesh.coordinator.worker;

import java.time.Clock;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.function.LongSupplier;

/**
 * A clock for how long something takes: it begins with the time of day and goes on evenly, whatever
 * is done to the time of day, and stands still while the machine sleeps. Thread-safe.
 */
public final class MonotonicClock extends Clock {
    private final Instant begin;
    private final LongSupplier nanos;
    private final long beginNanos;

    /** Begins now. */
    public MonotonicClock() {
        this(Clock.systemUTC().instant(), System::nanoTime);
    }

    /** Begins at a time, with a counter of nanoseconds that never goes back. */
    MonotonicClock(Instant begin, LongSupplier nanos) {
        this.begin = begin;
        this.nanos = nanos;
        this.beginNanos = nanos.getAsLong();
    }

    @Override
    public Instant instant() {
        return begin.plusNanos(nanos.getAsLong() - beginNanos);
    }

    @Override
    public ZoneId getZone() {
        return ZoneOffset.UTC;
    }

    @Override
    public Clock withZone(ZoneId zone) {
        throw new UnsupportedOperationException("it tells no time of day: zone=" + zone);
    }
}
