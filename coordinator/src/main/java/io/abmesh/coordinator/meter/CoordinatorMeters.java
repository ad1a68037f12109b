package io.abmesh.coordinator.meter;

import static java.util.Objects.requireNonNull;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.protobuf.Descriptors.EnumValueDescriptor;
import io.abmesh.coordinator.plan.PlanNames;
import io.abmesh.proto.identity.MeshRole;
import io.abmesh.proto.v1.RunState;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;

/** Writes the meters. Thread-safe. */
public final class CoordinatorMeters {
    /** Runs out of progress whose series stay, so that what they did last is read: {@value}. */
    static final int KEPT_RUNS = 8;

    /** States in which a run ends. */
    private static final Set<RunState> ENDS =
            EnumSet.of(
                    RunState.RUN_STATE_SUCCEEDED,
                    RunState.RUN_STATE_FAILED,
                    RunState.RUN_STATE_CANCELLED);

    private final MeterRegistry registry;
    private final Map<RunState, Counter> ended = new EnumMap<>(RunState.class);
    private final AtomicReference<Levels> levels = new AtomicReference<>(Levels.NONE);
    private final Object lock = new Object();

    @GuardedBy("lock")
    private final Map<String, RunMeters> runs = new HashMap<>();

    /** In the order in which they went out of progress. */
    @GuardedBy("lock")
    private final Set<String> resting = new LinkedHashSet<>();

    /**
     * What gauges show.
     *
     * @param runs that the store holds, by state
     * @param teachers that joined
     * @param students that joined
     */
    public record Levels(Map<RunState, Long> runs, int teachers, int students) {
        static final Levels NONE = new Levels(Map.of(), 0, 0);

        public Levels {
            runs = Map.copyOf(runs);
        }
    }

    /** Registers the meters that are of no run. */
    public CoordinatorMeters(MeterRegistry registry) {
        this.registry = registry;
        for (EnumValueDescriptor value : RunState.getDescriptor().getValues()) {
            if (value.getNumber() != RunState.RUN_STATE_UNSPECIFIED_VALUE) {
                RunState state = RunState.valueOf(value);
                gauge(CoordinatorMeter.RUNS, now -> now.runs().getOrDefault(state, 0L))
                        .tag("state", PlanNames.yamlName(value))
                        .register(registry);
            }
        }
        // An alert sees the first failure only where the series was 0 before.
        for (RunState state : ENDS) {
            ended.put(
                    state,
                    Counter.builder(CoordinatorMeter.RUNS_ENDED.meterName())
                            .description(CoordinatorMeter.RUNS_ENDED.meaning())
                            .tag("state", PlanNames.yamlName(state.getValueDescriptor()))
                            .register(registry));
        }
        gauge(CoordinatorMeter.WORKERS, Levels::teachers)
                .tag("role", MeshRole.TEACHER.word())
                .register(registry);
        gauge(CoordinatorMeter.WORKERS, Levels::students)
                .tag("role", MeshRole.STUDENT.word())
                .register(registry);
    }

    /** Returns the meters of a run that goes into progress; those that it had, if they are left. */
    public RunMeters begin(String runId) {
        synchronized (lock) {
            resting.remove(runId);
            return runs.computeIfAbsent(runId, id -> new RunMeters(registry, id));
        }
    }

    /**
     * A run is in progress no longer: its gauges show nothing, and its series go once {@value
     * #KEPT_RUNS} other runs have followed.
     */
    public void rest(String runId) {
        synchronized (lock) {
            RunMeters meters = runs.get(runId);
            if (meters == null) {
                return;
            }
            meters.levels(RunMeters.Levels.NONE);
            resting.add(runId);
            if (resting.size() > KEPT_RUNS) {
                String oldest = resting.iterator().next();
                resting.remove(oldest);
                RunMeters gone = runs.remove(oldest);
                if (gone != null) {
                    gone.remove();
                }
            }
        }
    }

    /** A run ended in {@code state}, which is succeeded, failed or cancelled. */
    public void ended(RunState state) {
        requireNonNull(ended.get(state), "state").increment();
    }

    /** Changes what gauges show. */
    public void levels(Levels now) {
        levels.set(now);
    }

    private Gauge.Builder<?> gauge(CoordinatorMeter meter, Function<Levels, Number> value) {
        return Gauge.builder(meter.meterName(), () -> value.apply(levels.get()))
                .description(meter.meaning());
    }
}
