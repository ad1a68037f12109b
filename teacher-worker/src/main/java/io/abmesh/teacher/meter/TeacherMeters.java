package io.abmesh.teacher.meter;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;

/** Writes the meters. Thread-safe. */
public final class TeacherMeters {
    private final Counter imagesCached;
    private final Counter imagesComputed;
    private final Counter batchesFailed;
    private final Counter sentBytes;
    private final Timer forward;
    private final AtomicLong heldBytes = new AtomicLong();

    /**
     * Registers every meter.
     *
     * @param cacheBytes size of the boundary cache, asked when the gauge is read
     */
    public TeacherMeters(MeterRegistry registry, LongSupplier cacheBytes) {
        imagesCached = counter(registry, TeacherMeter.IMAGES_CACHED);
        imagesComputed = counter(registry, TeacherMeter.IMAGES_COMPUTED);
        batchesFailed = counter(registry, TeacherMeter.BATCHES_FAILED);
        sentBytes = counter(registry, TeacherMeter.SENT_SIZE);
        forward = Timer.builder(TeacherMeter.FORWARD_DURATION.meterName()).register(registry);
        Gauge.builder(TeacherMeter.HELD_SIZE.meterName(), heldBytes, AtomicLong::get)
                .baseUnit(TeacherMeter.HELD_SIZE.unit())
                .register(registry);
        Gauge.builder(TeacherMeter.CACHE_SIZE.meterName(), cacheBytes, LongSupplier::getAsLong)
                .baseUnit(TeacherMeter.CACHE_SIZE.unit())
                .strongReference(true)
                .register(registry);
    }

    /** A batch was computed. */
    public void batchComputed(int cachedCount, int computedCount, Duration duration) {
        imagesCached.increment(cachedCount);
        imagesComputed.increment(computedCount);
        if (computedCount > 0) {
            forward.record(duration);
        }
    }

    /** A batch could not be computed. */
    public void batchFailed() {
        batchesFailed.increment();
    }

    /** Credit was taken, or given back when negative. */
    public void heldChanged(long bytes) {
        heldBytes.addAndGet(bytes);
    }

    /** Bytes of batches on their way, held or being fetched. */
    public long heldBytes() {
        return heldBytes.get();
    }

    /** A frame was handed to the network. */
    public void sent(long bytes) {
        sentBytes.increment((double) bytes);
    }

    private static Counter counter(MeterRegistry registry, TeacherMeter meter) {
        return Counter.builder(meter.meterName()).baseUnit(meter.unit()).register(registry);
    }
}
