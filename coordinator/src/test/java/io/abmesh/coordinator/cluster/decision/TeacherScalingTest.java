package io.abmesh.coordinator.cluster.decision;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.coordinator.cluster.decision.TeacherScaling.Decision;
import io.abmesh.coordinator.cluster.decision.TeacherScaling.Reason;
import io.abmesh.coordinator.cluster.resource.TeacherRange;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class TeacherScalingTest {
    private static final TeacherRange RANGE = new TeacherRange(1, 8);
    private static final Duration LONG_AGO = Duration.ofHours(1);

    private static Decision decide(int current, double demand, double each, Duration since) {
        return TeacherScaling.decide(
                current, RANGE, Optional.of(new TeacherRates(demand, each)), since);
    }

    @Test
    void aRunBeginsWithTheFewestTeachers() {
        assertThat(TeacherScaling.decide(0, RANGE, Optional.empty(), Duration.ZERO))
                .isEqualTo(new Decision(1, Reason.BOUNDS));
    }

    @Test
    void nothingIsDecidedBeforeAnythingIsMeasured() {
        assertThat(TeacherScaling.decide(3, RANGE, Optional.empty(), LONG_AGO))
                .isEqualTo(new Decision(3, Reason.NOT_MEASURED));
    }

    @Test
    void demandBeyondTheTeachersGetsAllThatIsMissingAtOnce() {
        // 500 images a second at 100 each, and a tenth more
        assertThat(decide(1, 500, 100, LONG_AGO)).isEqualTo(new Decision(6, Reason.DEMAND_ROSE));
    }

    @Test
    void itStopsAtTheMost() {
        assertThat(decide(2, 100_000, 100, LONG_AGO))
                .isEqualTo(new Decision(8, Reason.DEMAND_ROSE));
        assertThat(decide(8, 100_000, 100, LONG_AGO)).isEqualTo(new Decision(8, Reason.UNCHANGED));
    }

    @Test
    void aChangeIsGivenTimeToShowBeforeTheNext() {
        assertThat(decide(1, 500, 100, TeacherScaling.UP_COOL_DOWN.minusMillis(1)))
                .isEqualTo(new Decision(1, Reason.COOLING_DOWN));
        assertThat(decide(1, 500, 100, TeacherScaling.UP_COOL_DOWN).reason())
                .isEqualTo(Reason.DEMAND_ROSE);
    }

    @Test
    void teachersAreGivenUpOneByOneAndLate() {
        assertThat(decide(6, 100, 100, TeacherScaling.DOWN_COOL_DOWN.minusMillis(1)))
                .isEqualTo(new Decision(6, Reason.COOLING_DOWN));
        assertThat(decide(6, 100, 100, TeacherScaling.DOWN_COOL_DOWN))
                .isEqualTo(new Decision(5, Reason.DEMAND_FELL));
    }

    @Test
    void aRateThatWaversChangesNothing() {
        // Three teachers for 280 +- 10 %: neither a fourth is needed nor two are enough.
        for (double demand : new double[] {200, 230, 250, 270}) {
            assertThat(decide(3, demand, 100, LONG_AGO))
                    .isEqualTo(new Decision(3, Reason.UNCHANGED));
        }
    }

    @Test
    void aCacheThatAnswersEverythingLeavesTheFewest() {
        assertThat(decide(2, 0, 100, LONG_AGO)).isEqualTo(new Decision(1, Reason.DEMAND_FELL));
        assertThat(decide(1, 0, 100, LONG_AGO)).isEqualTo(new Decision(1, Reason.UNCHANGED));
    }

    @Test
    void newBoundsCountAtOnce() {
        assertThat(
                        TeacherScaling.decide(
                                6, new TeacherRange(1, 4), Optional.empty(), Duration.ZERO))
                .isEqualTo(new Decision(4, Reason.BOUNDS));
        assertThat(
                        TeacherScaling.decide(
                                1, new TeacherRange(3, 4), Optional.empty(), Duration.ZERO))
                .isEqualTo(new Decision(3, Reason.BOUNDS));
    }
}
