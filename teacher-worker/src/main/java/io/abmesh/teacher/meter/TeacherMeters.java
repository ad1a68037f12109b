package io.abmesh.teacher.meter;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/** Writes the meters. Thread-safe. */
public final class TeacherMeters {
    private final Counter imagesCached;
    private final Counter imagesComputed;
    private final Counter batchesFailed;
    private final Counter framesSent;
    private final Counter sentBytes;
    private final Timer forward;
    private final AtomicLong heldBytes = new AtomicLong();

    /**
     * Registers every meter.
     *
     * @param creditBytes of batches that may be held at once
     * @param cacheBytes size of the boundary cache, asked when the gauge is read
     */
    public TeacherMeters(MeterRegistry registry, long creditBytes, LongSupplier cacheBytes) {
        imagesCached = counter(TeacherMeter.IMAGES_CACHED).register(registry);
        imagesComputed = counter(TeacherMeter.IMAGES_COMPUTED).register(registry);
        batchesFailed = counter(TeacherMeter.BATCHES_FAILED).register(registry);
        framesSent = counter(TeacherMeter.FRAMES_SENT).register(registry);
        sentBytes = counter(TeacherMeter.SENT_SIZE).baseUnit("bytes").register(registry);
        forward =
                Timer.builder(TeacherMeter.FORWARD_DURATION.meterName())
                        .description(TeacherMeter.FORWARD_DURATION.meaning())
                        .register(registry);
        bytes(registry, TeacherMeter.CREDIT_SIZE, () -> creditBytes);
        bytes(registry, TeacherMeter.HELD_SIZE, heldBytes::get);
        bytes(registry, TeacherMeter.CACHE_SIZE, cacheBytes::getAsLong);
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
        framesSent.increment();
        sentBytes.increment((double) bytes);
    }

    private static Counter.Builder counter(TeacherMeter meter) {
        return Counter.builder(meter.meterName()).description(meter.meaning());
    }

    private static void bytes(MeterRegistry registry, TeacherMeter meter, Supplier<Number> value) {
        Gauge.builder(meter.meterName(), value)
                .description(meter.meaning())
                .baseUnit("bytes")
                .register(registry);
    }
}
