package io.abmesh.coordinator.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.TapFirings;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class TapHealthTest {
    private static final int SAMPLES = 4;

    @Test
    void addsUpTheMicroBatchesOfAStep() {
        List<TapHealth> taps =
                TapHealth.of(
                        List.of(
                                List.of(firings("a", 10, 20, 1, 2), firings("b", 5, 0, 5, 0)),
                                List.of(firings("a", 10, 12, 3, 0), firings("b", 5, 1, 4, 0))),
                        SAMPLES);

        assertThat(taps)
                .containsExactly(
                        new TapHealth("a", 32 / 80.0, 6 / 20.0),
                        new TapHealth("b", 1 / 40.0, 9 / 10.0));
    }

    @Test
    void doesNotDependOnTheOrderOfTheMicroBatches() {
        List<TapFirings> first = List.of(firings("a", 10, 21, 1, 2));
        List<TapFirings> second = List.of(firings("a", 10, 12, 3, 1));

        assertThat(TapHealth.of(List.of(first, second), SAMPLES))
                .isEqualTo(TapHealth.of(List.of(second, first), SAMPLES));
    }

    @ParameterizedTest
    @CsvSource({"0, 10, no response", "40, 0, every response"})
    void aTapOfOneSideAloneHasNoBoundary(long fired, long never, String found) {
        TapHealth tap =
                TapHealth.of(List.of(List.of(firings("a", 10, fired, never, 10 - never))), SAMPLES)
                        .get(0);

        MeshException refused = catchThrowableOfType(MeshException.class, tap::requireBoundary);
        assertThat(refused.reason()).isEqualTo(ErrorReason.TAP_WITHOUT_BOUNDARY);
        assertThat(refused)
                .hasMessage(
                        "teacher's tap has no boundary to learn: tap=a, found="
                                + found
                                + " of a step greater than zero, expected=the response before an activation");
    }

    @ParameterizedTest(name = "{0} active, {1} constant")
    @CsvSource({"0.5, 0.1", "0.02, 0.9", "0.98, 0"})
    void aTapThatTellsSamplesApartIsNoNews(double active, double constant) {
        TapHealth tap = new TapHealth("a", active, constant);

        assertThat(tap.warning()).isEmpty();
        assertThatCode(tap::requireBoundary).doesNotThrowAnyException();
    }

    @ParameterizedTest(name = "{0} active, {1} constant")
    @CsvSource({"0.019, 0.1", "0.981, 0.1", "0.5, 0.901"})
    void aTapThatHardlyTellsSamplesApartIsTold(double active, double constant) {
        assertThat(new TapHealth("a", active, constant).warning())
                .contains(
                        "teacher's tap a tells samples apart by few neurons: %.1f %% of its responses are greater than zero, %.1f %% of its neurons never or always fire in a micro-batch"
                                .formatted(100 * active, 100 * constant));
    }

    private static TapFirings firings(
            String tap, long neurons, long fired, long never, long always) {
        return TapFirings.newBuilder()
                .setTap(tap)
                .setNeuronCount(neurons)
                .setFiredCount(fired)
                .setNeverCount(never)
                .setAlwaysCount(always)
                .build();
    }
}
