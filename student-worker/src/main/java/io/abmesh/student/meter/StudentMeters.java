package io.abmesh.student.meter;

import io.abmesh.proto.error.ErrorReason;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;

/** Writes the meters. Thread-safe. */
public final class StudentMeters {
    /** Reasons for which a batch is tried again and again. */
    private static final List<ErrorReason> LASTING =
            List.of(
                    ErrorReason.BATCH_NOT_FOUND,
                    ErrorReason.DEADLINE_EXCEEDED,
                    ErrorReason.TRANSPORT_UNAVAILABLE,
                    ErrorReason.PEER_NOT_TRUSTED);

    private final MeterRegistry registry;
    private final Map<StepPart, Timer> parts = new EnumMap<>(StepPart.class);
    private final Timer checkpoint;
    private final Counter images;
    private final Counter fetchedBytes;
    private final Map<String, AtomicReference<Double>> agreement = new ConcurrentHashMap<>();

    /** Registers every meter; those of taps and reasons when they are first written. */
    public StudentMeters(MeterRegistry registry) {
        this.registry = registry;
        for (StepPart part : StepPart.values()) {
            parts.put(
                    part,
                    timer(StudentMeter.STEP_DURATION).tag("part", part.word()).register(registry));
        }
        checkpoint = timer(StudentMeter.CHECKPOINT_DURATION).register(registry);
        images = counter(StudentMeter.IMAGES).register(registry);
        fetchedBytes = counter(StudentMeter.FETCHED_SIZE).baseUnit("bytes").register(registry);
        // A rate of what has never happened is 0, and not missing; and an alert counts the first.
        LASTING.forEach(this::failed);
    }

    /**
     * A step was applied.
     *
     * @param imageCount of the micro-batches computed here
     * @param times of its parts
     */
    public void stepApplied(int imageCount, Map<StepPart, Duration> times) {
        images.increment(imageCount);
        parts.forEach((part, timer) -> timer.record(times.getOrDefault(part, Duration.ZERO)));
    }

    /**
     * Agreement of the last step.
     *
     * @param values of the first of {@code taps}; what is known of any other tap is forgotten (NaN)
     */
    public void agreed(List<String> taps, List<Double> values) {
        List<String> told = taps.subList(0, values.size());
        agreement.forEach(
                (tap, value) -> {
                    if (!told.contains(tap)) {
                        value.set(Double.NaN);
                    }
                });
        for (int i = 0; i < values.size(); i++) {
            agreement.computeIfAbsent(taps.get(i), this::agreementOf).set(values.get(i));
        }
    }

    /** Tensors of a micro-batch arrived. */
    public void fetched(long bytes) {
        fetchedBytes.increment((double) bytes);
    }

    /** An attempt to fetch failed. */
    public void fetchFailed(ErrorReason reason) {
        failed(reason).increment();
    }

    /** A checkpoint was written. */
    public void checkpointWritten(Duration duration) {
        checkpoint.record(duration);
    }

    private Counter failed(ErrorReason reason) {
        return counter(StudentMeter.FETCHES_FAILED).tag("reason", reason.name()).register(registry);
    }

    private AtomicReference<Double> agreementOf(String tap) {
        AtomicReference<Double> value = new AtomicReference<>(Double.NaN);
        Gauge.builder(StudentMeter.BOUNDARY_AGREEMENT.meterName(), value, AtomicReference::get)
                .description(StudentMeter.BOUNDARY_AGREEMENT.meaning())
                .baseUnit("ratio")
                .tag("tap", tap)
                .register(registry);
        return value;
    }

    private static Timer.Builder timer(StudentMeter meter) {
        return Timer.builder(meter.meterName()).description(meter.meaning());
    }

    private static Counter.Builder counter(StudentMeter meter) {
        return Counter.builder(meter.meterName()).description(meter.meaning());
    }
}
