package io.abmesh.coordinator.meter;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.coordinator.run.TestingClock;
import io.abmesh.proto.identity.MeshRole;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

final class RecoveryTest {
    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private final TestingClock clock = new TestingClock();
    private final Recovery recovery = new Recovery(new RunMeters(registry, "run"), clock);

    private Timer timer(String lost) {
        return registry.get("abmesh.coordinator.recovery.duration").tag("lost", lost).timer();
    }

    @Test
    void lastsFromTheFirstLossToTheNextStep() {
        recovery.lost(MeshRole.STUDENT);
        clock.advance(Duration.ofSeconds(2));
        recovery.lost(MeshRole.STUDENT);
        recovery.lost(MeshRole.TEACHER);
        clock.advance(Duration.ofSeconds(3));
        recovery.committed();

        assertThat(timer("student").totalTime(TimeUnit.SECONDS)).isEqualTo(5);
        assertThat(timer("student").count()).isEqualTo(1);
        assertThat(timer("teacher").totalTime(TimeUnit.SECONDS)).isEqualTo(3);
        assertThat(timer("coordinator").count()).isZero();
    }

    @Test
    void aStepWithoutALossRecoversNothing() {
        recovery.lost(MeshRole.COORDINATOR, clock.instant().minusSeconds(7));
        recovery.committed();
        clock.advance(Duration.ofSeconds(4));
        recovery.committed();

        assertThat(timer("coordinator").count()).isEqualTo(1);
        assertThat(timer("coordinator").totalTime(TimeUnit.SECONDS)).isEqualTo(7);
    }
}
