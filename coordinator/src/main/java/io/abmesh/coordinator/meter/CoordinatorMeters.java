package io.abmesh.coordinator.meter;

import static java.util.Objects.requireNonNull;

import com.google.protobuf.Descriptors.EnumValueDescriptor;
import io.abmesh.coordinator.plan.PlanNames;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.identity.MeshRole;
import io.abmesh.proto.v1.RunState;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;

/** Writes the meters. Thread-safe. */
public final class CoordinatorMeters {
    /** Parts of the mesh that can be lost. */
    private static final Set<MeshRole> LOSABLE =
            EnumSet.of(MeshRole.COORDINATOR, MeshRole.TEACHER, MeshRole.STUDENT);

    private final MeterRegistry registry;
    private final Counter steps;
    private final Counter images;
    private final Counter discarded;
    private final Map<MeshRole, Timer> recoveries = new EnumMap<>(MeshRole.class);
    private final AtomicReference<Levels> levels = new AtomicReference<>(Levels.NONE);

    /**
     * What gauges show.
     *
     * @param runs that the store holds, by state
     * @param teachers that joined
     * @param students that joined
     * @param stepsUnderWay steps that are fed or assigned and not committed
     * @param waitingMicroBatches micro-batches that wait for a teacher's credit
     * @param creditBytes that teachers gave to the run
     * @param usedBytes of them that micro-batches hold
     */
    public record Levels(
            Map<RunState, Long> runs,
            int teachers,
            int students,
            int stepsUnderWay,
            int waitingMicroBatches,
            long creditBytes,
            long usedBytes) {
        static final Levels NONE = new Levels(Map.of(), 0, 0, 0, 0, 0, 0);

        public Levels {
            runs = Map.copyOf(runs);
        }
    }

    /** Registers every meter; those of reasons that are rare when they are first written. */
    public CoordinatorMeters(MeterRegistry registry) {
        this.registry = registry;
        steps = counter(CoordinatorMeter.STEPS_COMMITTED).register(registry);
        images = counter(CoordinatorMeter.IMAGES_COMMITTED).register(registry);
        discarded = counter(CoordinatorMeter.MICRO_BATCHES_DISCARDED).register(registry);
        for (MeshRole role : LOSABLE) {
            recoveries.put(
                    role,
                    Timer.builder(CoordinatorMeter.RECOVERY_DURATION.meterName())
                            .description(CoordinatorMeter.RECOVERY_DURATION.meaning())
                            .tag("lost", role.word())
                            .register(registry));
        }
        for (EnumValueDescriptor value : RunState.getDescriptor().getValues()) {
            if (value.getNumber() != RunState.RUN_STATE_UNSPECIFIED_VALUE) {
                RunState state = RunState.valueOf(value);
                gauge(CoordinatorMeter.RUNS, now -> now.runs().getOrDefault(state, 0L))
                        .tag("state", PlanNames.yamlName(value))
                        .register(registry);
            }
        }
        gauge(CoordinatorMeter.WORKERS, Levels::teachers)
                .tag("role", MeshRole.TEACHER.word())
                .register(registry);
        gauge(CoordinatorMeter.WORKERS, Levels::students)
                .tag("role", MeshRole.STUDENT.word())
                .register(registry);
        gauge(CoordinatorMeter.STEPS_UNDER_WAY, Levels::stepsUnderWay).register(registry);
        gauge(CoordinatorMeter.MICRO_BATCHES_WAITING, Levels::waitingMicroBatches)
                .register(registry);
        gauge(CoordinatorMeter.CREDIT_SIZE, Levels::creditBytes)
                .baseUnit("bytes")
                .register(registry);
        gauge(CoordinatorMeter.CREDIT_USED_SIZE, Levels::usedBytes)
                .baseUnit("bytes")
                .register(registry);
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

    private Counter refusals(ErrorReason reason) {
        return counter(CoordinatorMeter.MESSAGES_REFUSED)
                .tag("reason", reason.name())
                .register(registry);
    }

    private Counter notices(String reason) {
        return counter(CoordinatorMeter.NOTICES).tag("reason", reason).register(registry);
    }

    private Gauge.Builder<?> gauge(CoordinatorMeter meter, Function<Levels, Number> value) {
        return Gauge.builder(meter.meterName(), () -> value.apply(levels.get()))
                .description(meter.meaning());
    }

    private static Counter.Builder counter(CoordinatorMeter meter) {
        return Counter.builder(meter.meterName()).description(meter.meaning());
    }
}
