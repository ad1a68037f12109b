package io.abmesh.coordinator.meter;

import static java.util.Objects.requireNonNull;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.identity.MeshRole;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.ToDoubleFunction;

/** Writes the meters of one run, whose name is the tag {@code run} of each. Thread-safe. */
public final class RunMeters {
    private static final String RUN = "run";

    /** Parts of the mesh that can be lost. */
    private static final Set<MeshRole> LOSABLE =
            EnumSet.of(MeshRole.COORDINATOR, MeshRole.TEACHER, MeshRole.STUDENT);

    private final MeterRegistry registry;
    private final String runId;
    private final Set<Meter> registered = ConcurrentHashMap.newKeySet();
    private final Counter steps;
    private final Counter images;
    private final Counter discarded;
    private final Map<MeshRole, Timer> recoveries = new EnumMap<>(MeshRole.class);
    private final AtomicReference<Levels> levels = new AtomicReference<>(Levels.NONE);

    /**
     * What gauges show.
     *
     * @param training whether the run is in progress and has committed a step
     * @param teachers that work for the run
     * @param students that work for the run
     * @param stepsUnderWay steps that are fed or assigned and not committed
     * @param waitingMicroBatches micro-batches that wait for a teacher's credit
     * @param creditBytes that teachers gave to the run
     * @param usedBytes of them that micro-batches hold
     */
    public record Levels(
            boolean training,
            int teachers,
            int students,
            int stepsUnderWay,
            int waitingMicroBatches,
            long creditBytes,
            long usedBytes) {
        /** Of a run that is not in progress. */
        static final Levels NONE = new Levels(false, 0, 0, 0, 0, 0, 0);
    }

    /** Registers every meter; those of reasons that are rare when they are first written. */
    RunMeters(MeterRegistry registry, String runId) {
        this.registry = registry;
        this.runId = runId;
        steps = counter(CoordinatorMeter.STEPS_COMMITTED);
        images = counter(CoordinatorMeter.IMAGES_COMMITTED);
        discarded = counter(CoordinatorMeter.MICRO_BATCHES_DISCARDED);
        for (MeshRole role : LOSABLE) {
            recoveries.put(
                    role,
                    kept(
                            Timer.builder(CoordinatorMeter.RECOVERY_DURATION.meterName())
                                    .description(CoordinatorMeter.RECOVERY_DURATION.meaning())
                                    .tag(RUN, runId)
                                    .tag("lost", role.word())
                                    .register(registry)));
        }
        gauge(CoordinatorMeter.RUN_TRAINING, now -> now.training() ? 1 : 0);
        workers(MeshRole.TEACHER, Levels::teachers);
        workers(MeshRole.STUDENT, Levels::students);
        gauge(CoordinatorMeter.STEPS_UNDER_WAY, Levels::stepsUnderWay);
        gauge(CoordinatorMeter.MICRO_BATCHES_WAITING, Levels::waitingMicroBatches);
        bytes(CoordinatorMeter.CREDIT_SIZE, Levels::creditBytes);
        bytes(CoordinatorMeter.CREDIT_USED_SIZE, Levels::usedBytes);
        // A rate of what has never happened is 0, and not missing.
        refusals(ErrorReason.STALE_EPOCH);
        List.of("TEACHER_LOST", "STUDENT_LOST", "STUDENT_REMOVED").forEach(this::notices);
    }

    /** A step was committed. */
    public void stepCommitted(int imageCount) {
        steps.increment();
        images.increment(imageCount);
    }

    /** Micro-batches were computed in vain. */
    public void discarded(long microBatches) {
        discarded.increment((double) microBatches);
    }

    /** A message was refused. */
    public void refused(ErrorReason reason) {
        refusals(reason).increment();
    }

    /** A user is told something; the reason is one of a fixed number. */
    public void noticed(String reason) {
        notices(reason).increment();
    }

    /** A step was committed again after a loss. */
    void recovered(MeshRole lost, Duration duration) {
        requireNonNull(recoveries.get(lost), "role").record(duration);
    }

    /** Changes what gauges show. */
    public void levels(Levels now) {
        levels.set(now);
    }

    /** Takes every series of the run out of the registry. */
    void remove() {
        registered.forEach(registry::remove);
    }

    private Counter refusals(ErrorReason reason) {
        return counter(CoordinatorMeter.MESSAGES_REFUSED, "reason", reason.name());
    }

    private Counter notices(String reason) {
        return counter(CoordinatorMeter.NOTICES, "reason", reason);
    }

    private Counter counter(CoordinatorMeter meter, String... tags) {
        return kept(
                Counter.builder(meter.meterName())
                        .description(meter.meaning())
                        .tag(RUN, runId)
                        .tags(tags)
                        .register(registry));
    }

    private void gauge(CoordinatorMeter meter, ToDoubleFunction<Levels> value) {
        kept(gaugeOf(meter, value).register(registry));
    }

    private void workers(MeshRole role, ToDoubleFunction<Levels> value) {
        kept(
                gaugeOf(CoordinatorMeter.RUN_WORKERS, value)
                        .tag("role", role.word())
                        .register(registry));
    }

    private void bytes(CoordinatorMeter meter, ToDoubleFunction<Levels> value) {
        kept(gaugeOf(meter, value).baseUnit("bytes").register(registry));
    }

    private Gauge.Builder<?> gaugeOf(CoordinatorMeter meter, ToDoubleFunction<Levels> value) {
        return Gauge.builder(meter.meterName(), () -> value.applyAsDouble(levels.get()))
                .description(meter.meaning())
                .tag(RUN, runId);
    }

    private <T extends Meter> T kept(T meter) {
        registered.add(meter);
        return meter;
    }
}
