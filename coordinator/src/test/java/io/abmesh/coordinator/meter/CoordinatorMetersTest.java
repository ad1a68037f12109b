package io.abmesh.coordinator.meter;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.v1.RunState;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class CoordinatorMetersTest {
    private static final RunMeters.Levels LEVELS = new RunMeters.Levels(true, 1, 2, 3, 4, 5, 6);

    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private final CoordinatorMeters meters = new CoordinatorMeters(registry);

    private double steps(String run) {
        return registry.get(CoordinatorMeter.STEPS_COMMITTED.meterName())
                .tag("run", run)
                .counter()
                .count();
    }

    private double waiting(String run) {
        return registry.get(CoordinatorMeter.MICRO_BATCHES_WAITING.meterName())
                .tag("run", run)
                .gauge()
                .value();
    }

    /** Runs that have series. */
    private List<String> runs() {
        return registry.getMeters().stream()
                .map(Meter::getId)
                .map(id -> id.getTag("run"))
                .filter(Objects::nonNull)
                .distinct()
                .sorted()
                .toList();
    }

    private double ended(String state) {
        return registry.get(CoordinatorMeter.RUNS_ENDED.meterName())
                .tag("state", state)
                .counter()
                .count();
    }

    @Test
    void everyEndIsCountedFromZero() {
        assertThat(ended("succeeded")).isZero();
        assertThat(ended("failed")).isZero();
        assertThat(ended("cancelled")).isZero();

        meters.ended(RunState.RUN_STATE_SUCCEEDED);
        meters.ended(RunState.RUN_STATE_FAILED);
        meters.ended(RunState.RUN_STATE_FAILED);
        meters.ended(RunState.RUN_STATE_CANCELLED);

        assertThat(ended("succeeded")).isEqualTo(1);
        assertThat(ended("failed")).isEqualTo(2);
        assertThat(ended("cancelled")).isEqualTo(1);
    }

    @Test
    void seriesOfTwoRunsDoNotMix() {
        RunMeters first = meters.begin("first");
        RunMeters second = meters.begin("second");
        first.stepCommitted(10);
        first.stepCommitted(10);
        second.stepCommitted(10);
        first.levels(LEVELS);

        assertThat(steps("first")).isEqualTo(2);
        assertThat(steps("second")).isEqualTo(1);
        assertThat(waiting("first")).isEqualTo(4);
        assertThat(waiting("second")).isZero();
    }

    @Test
    void gaugesOfARunThatHasEndedShowNothingAndItsCountersStay() {
        RunMeters run = meters.begin("run");
        run.stepCommitted(10);
        run.levels(LEVELS);
        meters.rest("run");

        assertThat(waiting("run")).isZero();
        assertThat(steps("run")).isEqualTo(1);
    }

    @Test
    void aRunThatGoesOnCountsOn() {
        meters.begin("run").stepCommitted(10);
        meters.rest("run");
        meters.begin("run").stepCommitted(10);

        assertThat(steps("run")).isEqualTo(2);
    }

    @Test
    void seriesOfARunGoWhenEnoughOthersHaveFollowedIt() {
        meters.begin("going");
        meters.begin("again");
        meters.rest("again");
        IntStream.rangeClosed(1, CoordinatorMeters.KEPT_RUNS)
                .mapToObj(i -> "run-" + i)
                .forEach(
                        run -> {
                            meters.begin(run).noticed("RARE");
                            meters.rest(run);
                        });
        assertThat(runs()).contains("going", "run-1").doesNotContain("again");

        meters.begin("again").refused(ErrorReason.STALE_EPOCH);
        meters.rest("again");
        assertThat(runs()).contains("going", "again").doesNotContain("run-1");
    }

    @Test
    void aRunThatWasNeverInProgressLeavesNothing() {
        meters.rest("run");
        assertThat(runs()).isEmpty();
    }
}
