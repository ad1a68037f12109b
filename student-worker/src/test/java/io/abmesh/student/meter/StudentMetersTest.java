package io.abmesh.student.meter;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.proto.error.ErrorReason;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.List;
import org.junit.jupiter.api.Test;

final class StudentMetersTest {
    private static final List<String> TAPS = List.of("block1", "block2");

    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private final StudentMeters meters = new StudentMeters(registry);

    private double agreement(String tap) {
        return registry.get(StudentMeter.BOUNDARY_AGREEMENT.meterName())
                .tag("tap", tap)
                .gauge()
                .value();
    }

    @Test
    void failuresThatLastAreCountedFromZero() {
        assertThat(failed("BATCH_NOT_FOUND")).isZero();
        assertThat(failed("DEADLINE_EXCEEDED")).isZero();
        assertThat(failed("TRANSPORT_UNAVAILABLE")).isZero();

        meters.fetchFailed(ErrorReason.DEADLINE_EXCEEDED);

        assertThat(failed("DEADLINE_EXCEEDED")).isEqualTo(1);
        assertThat(failed("TRANSPORT_UNAVAILABLE")).isZero();
    }

    private double failed(String reason) {
        return registry.get(StudentMeter.FETCHES_FAILED.meterName())
                .tag("reason", reason)
                .counter()
                .count();
    }

    @Test
    void agreementIsThatOfTheLastStep() {
        meters.agreed(TAPS, List.of(0.5, 0.6));
        meters.agreed(TAPS, List.of(0.7, 0.8));

        assertThat(agreement("block1")).isEqualTo(0.7);
        assertThat(agreement("block2")).isEqualTo(0.8);
    }

    @Test
    void aPhaseWithoutAgreementDoesNotShowThatOfThePhaseBefore() {
        meters.agreed(TAPS, List.of(0.5, 0.6));
        meters.agreed(TAPS, List.of());

        assertThat(agreement("block1")).isNaN();
        assertThat(agreement("block2")).isNaN();
    }

    @Test
    void tapsOfAnotherRunShowNothing() {
        meters.agreed(TAPS, List.of(0.5, 0.6));
        meters.agreed(List.of("block2", "block3"), List.of(0.7, 0.8));

        assertThat(agreement("block1")).isNaN();
        assertThat(agreement("block2")).isEqualTo(0.7);
        assertThat(agreement("block3")).isEqualTo(0.8);
    }
}
