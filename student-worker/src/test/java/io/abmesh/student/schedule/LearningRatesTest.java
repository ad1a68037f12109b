package io.abmesh.student.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.ScheduleKind;
import io.abmesh.proto.v1.SchedulePlan;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

final class LearningRatesTest {
    @Test
    void constantIsTheSameAtEveryStep() {
        LearningRate rate = LearningRates.of(0.1, SchedulePlan.getDefaultInstance());

        assertThat(rate.at(0, 5)).isEqualTo(0.1);
        assertThat(rate.at(4, 5)).isEqualTo(0.1);
    }

    @ParameterizedTest(name = "step {0} of 10")
    @CsvSource({
        "0, 0.1",
        "2, 0.1",
        "3, 0.02",
        "5, 0.02",
        "6, 0.004",
        "7, 0.004",
        "8, 0.0008",
        "9, 0.0008"
    })
    void stepsFallAtEachMark(long step, double expected) {
        LearningRate rate =
                LearningRates.of(
                        0.1,
                        SchedulePlan.newBuilder()
                                .setKind(ScheduleKind.SCHEDULE_KIND_STEPS)
                                .addAllAt(List.of(0.3, 0.6, 0.8))
                                .setFactor(0.2)
                                .build());

        assertThat(rate.at(step, 10)).isCloseTo(expected, within(1e-15));
    }

    @ParameterizedTest(name = "step {0} of 8")
    @CsvSource({
        "0, 1",
        "2, 0.8535533905932737",
        "4, 0.5",
        "6, 0.1464466094067262",
        "7, 0.03806023374435663"
    })
    void cosineFallsFromTheRateToZero(long step, double expected) {
        LearningRate rate = ofKind(ScheduleKind.SCHEDULE_KIND_COSINE);

        assertThat(rate.at(step, 8)).isCloseTo(expected, within(1e-12));
    }

    @ParameterizedTest(name = "step {0} of 100")
    @CsvSource({"0, 0.05", "15, 0.525", "30, 1", "65, 0.5005", "99, 0.0152714285714"})
    void oneCycleRisesThenFalls(long step, double expected) {
        LearningRate rate = ofKind(ScheduleKind.SCHEDULE_KIND_ONE_CYCLE);

        assertThat(rate.at(step, 100)).isCloseTo(expected, within(1e-9));
    }

    @ParameterizedTest(name = "step {0} of 10")
    @CsvSource({"0, 0.25", "1, 0.5", "2, 0.75", "3, 1", "9, 1"})
    void aWarmUpGrowsToTheRate(long step, double expected) {
        LearningRate rate = warmed(ScheduleKind.SCHEDULE_KIND_CONSTANT, 0.3);

        assertThat(rate.at(step, 10)).isCloseTo(expected, within(1e-15));
    }

    @Test
    void theCosineBeginsBehindTheWarmUp() {
        LearningRate rate = warmed(ScheduleKind.SCHEDULE_KIND_COSINE, 0.2);
        LearningRate cosine = ofKind(ScheduleKind.SCHEDULE_KIND_COSINE);

        assertThat(rate.at(1, 10)).isCloseTo(2.0 / 3, within(1e-15));
        for (long step = 2; step < 10; step++) {
            assertThat(rate.at(step, 10)).isEqualTo(cosine.at(step - 2, 8));
        }
        assertThatThrownBy(() -> rate.at(10, 10)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void marksStaySharesOfTheWholePhase() {
        SchedulePlan plan =
                SchedulePlan.newBuilder()
                        .setKind(ScheduleKind.SCHEDULE_KIND_STEPS)
                        .addAt(0.5)
                        .setFactor(0.1)
                        .setWarmUp(0.2)
                        .build();
        LearningRate rate = LearningRates.of(1, plan);

        assertThat(rate.at(4, 10)).isEqualTo(1);
        assertThat(rate.at(5, 10)).isCloseTo(0.1, within(1e-15));
    }

    @Test
    void refusesAWarmUpOfTheWholePhase() {
        assertThatThrownBy(() -> warmed(ScheduleKind.SCHEDULE_KIND_CONSTANT, 1))
                .isInstanceOf(MeshException.class)
                .hasMessage("warm-up of the schedule: found=1.0, expected=in [0, 1)");
    }

    @ParameterizedTest
    @EnumSource(
            value = ScheduleKind.class,
            names = {"UNRECOGNIZED", "SCHEDULE_KIND_STEPS"},
            mode = EnumSource.Mode.EXCLUDE)
    void everyScheduleHandlesAPhaseOfOneStep(ScheduleKind kind) {
        assertThat(ofKind(kind).at(0, 1)).isPositive();
        assertThat(warmed(kind, 0.9).at(0, 1)).isPositive();
    }

    @Test
    void refusesStepsOutsideThePhase() {
        LearningRate rate = ofKind(ScheduleKind.SCHEDULE_KIND_COSINE);

        assertThatThrownBy(() -> rate.at(8, 8))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("step is not of the phase: found=8, expected=[0, 8)");
        assertThatThrownBy(() -> rate.at(-1, 8)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void refusesMarksThatDoNotAscend() {
        assertThatThrownBy(() -> LearningRates.steps(0.1, List.of(0.6, 0.3), 0.2))
                .isInstanceOf(MeshException.class)
                .hasMessage(
                        "marks of the schedule: found=[0.6, 0.3], expected=ascending, between 0"
                                + " and 1");
    }

    @Test
    void refusesAFactorThatRaisesTheRate() {
        assertThatThrownBy(() -> LearningRates.steps(0.1, List.of(0.5), 2))
                .isInstanceOf(MeshException.class)
                .hasMessage("factor of the schedule: found=2.0, expected=in (0, 1]");
    }

    @Test
    void refusesAScheduleOfALaterVersion() {
        SchedulePlan later = SchedulePlan.newBuilder().setKindValue(99).build();

        assertThatThrownBy(() -> LearningRates.of(0.1, later))
                .isInstanceOf(MeshException.class)
                .hasMessageContaining("not known to this version: found=99");
    }

    private static LearningRate warmed(ScheduleKind kind, double share) {
        return LearningRates.of(
                1, SchedulePlan.newBuilder().setKind(kind).setWarmUp(share).build());
    }

    private static LearningRate ofKind(ScheduleKind kind) {
        return LearningRates.of(1, SchedulePlan.newBuilder().setKind(kind).build());
    }
}
