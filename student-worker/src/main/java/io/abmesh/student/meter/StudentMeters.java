package io.abmesh.student.meter;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;

/** Writes the meters. Thread-safe. */
public final class StudentMeters {
    private final MeterRegistry registry;
    private final Timer step;
    private final Timer wait;
    private final Timer checkpoint;
    private final Counter images;
    private final Counter fetchedBytes;
    private final Counter fetchesFailed;
    private final Map<String, AtomicReference<Double>> agreement = new ConcurrentHashMap<>();

    /** Registers every meter; those of the taps when they are first written. */
    public StudentMeters(MeterRegistry registry) {
        this.registry = registry;
        step = timer(registry, StudentMeter.STEP_DURATION);
        wait = timer(registry, StudentMeter.FETCH_WAIT);
        checkpoint = timer(registry, StudentMeter.CHECKPOINT_DURATION);
        images = counter(registry, StudentMeter.IMAGES);
        fetchedBytes = counter(registry, StudentMeter.FETCHED_SIZE);
        fetchesFailed = counter(registry, StudentMeter.FETCHES_FAILED);
    }

    /** A step was applied. */
    public void stepApplied(int imageCount, Duration compute, Duration waited) {
        images.increment(imageCount);
        step.record(compute);
        wait.record(waited);
    }

    /** Agreement of the last step, one value per tap. */
    public void agreed(List<String> taps, List<Double> values) {
        for (int i = 0; i < values.size(); i++) {
            agreement.computeIfAbsent(taps.get(i), this::agreementOf).set(values.get(i));
        }
    }

    /** Tensors of a micro-batch arrived. */
    public void fetched(long bytes) {
        fetchedBytes.increment((double) bytes);
    }

    /** An attempt to fetch failed. */
    public void fetchFailed() {
        fetchesFailed.increment();
    }

    /** A checkpoint was written. */
    public void checkpointWritten(Duration duration) {
        checkpoint.record(duration);
    }

    private AtomicReference<Double> agreementOf(String tap) {
        AtomicReference<Double> value = new AtomicReference<>(0.0);
        Gauge.builder(StudentMeter.BOUNDARY_AGREEMENT.meterName(), value, AtomicReference::get)
                .baseUnit(StudentMeter.BOUNDARY_AGREEMENT.unit())
                .tag("tap", tap)
                .register(registry);
        return value;
    }

    private static Timer timer(MeterRegistry registry, StudentMeter meter) {
        return Timer.builder(meter.meterName()).register(registry);
    }

    private static Counter counter(MeterRegistry registry, StudentMeter meter) {
        return Counter.builder(meter.meterName()).baseUnit(meter.unit()).register(registry);
    }
}
