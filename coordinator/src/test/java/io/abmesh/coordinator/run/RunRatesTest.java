package io.abmesh.coordinator.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.protobuf.util.Durations;
import io.abmesh.proto.v1.BatchReady;
import io.abmesh.proto.v1.StepReport;
import org.junit.jupiter.api.Test;

final class RunRatesTest {
    private final RunRates rates = new RunRates();

    private static StepReport step(long computeMillis) {
        return StepReport.newBuilder()
                .setComputeDuration(Durations.fromMillis(computeMillis))
                .build();
    }

    private static BatchReady batch(int cached, int computed, long millis) {
        return BatchReady.newBuilder()
                .setCachedCount(cached)
                .setComputedCount(computed)
                .setComputeDuration(Durations.fromMillis(millis))
                .build();
    }

    @Test
    void nothingIsKnownBeforeBothSidesWereSeen() {
        assertThat(rates.measured()).isEmpty();
        rates.stepped(step(100), 64);
        assertThat(rates.measured()).isEmpty();
    }

    @Test
    void demandIsWhatStudentsWouldTakeIfTheyNeverWaited() {
        rates.stepped(step(100), 64);
        rates.stepped(step(300), 64);
        rates.ready(batch(0, 32, 400));
        assertThat(rates.measured().orElseThrow().demand()).isCloseTo(320, within(1e-9));
        assertThat(rates.measured().orElseThrow().perTeacher()).isCloseTo(80, within(1e-9));
    }

    @Test
    void whatCachesAnswerAsksNoTeacher() {
        rates.stepped(step(100), 100);
        rates.ready(batch(75, 25, 250));
        assertThat(rates.measured().orElseThrow().demand()).isCloseTo(250, within(1e-9));
        assertThat(rates.measured().orElseThrow().perTeacher()).isCloseTo(100, within(1e-9));
    }

    @Test
    void cachesThatAnswerEverythingLeaveNoDemand() {
        rates.stepped(step(100), 100);
        rates.ready(batch(32, 0, 0));
        assertThat(rates.measured().orElseThrow().demand()).isZero();
    }

    @Test
    void onlyTheNewestCount() {
        rates.ready(batch(0, 32, 400));
        for (int i = 0; i < 100; i++) {
            rates.stepped(step(1000), 10);
        }
        for (int i = 0; i < 32; i++) {
            rates.stepped(step(100), 10);
        }
        assertThat(rates.measured().orElseThrow().demand()).isCloseTo(100, within(1e-9));
    }
}
