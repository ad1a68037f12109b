package io.abmesh.coordinator.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.objects.ObjectAddress;
import io.abmesh.objects.ObjectStore;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.Delivery;
import io.abmesh.proto.v1.RunState;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ResultDeliveryTest {
    private static final long LIMIT_SECONDS = 60;

    @TempDir Path directory;

    /** A run without files goes nowhere, so that the clock is all that a delivery meets. */
    @Test
    void anUnnamedFailureIsToldAndTheDeliveryTriedAgain() throws Exception {
        BrokenClock clock = new BrokenClock();
        RunRecord record =
                RunRecord.open(
                        TestingRuns.folder(directory, TestingPlans.supervised()),
                        new TestingClock());
        Loop loop = new Loop();
        ResultDelivery results =
                new ResultDelivery(
                        ObjectAddress.parse("s3://results/mesh"),
                        ObjectStore.ofEnvironment(),
                        loop,
                        clock);
        loop.executeAndWait(
                () -> {
                    record.end(RunState.RUN_STATE_CANCELLED, null);
                    results.deliver(record);
                });

        assertThat(clock.asked.poll(LIMIT_SECONDS, TimeUnit.SECONDS)).isEqualTo(1);
        assertThat(clock.asked.poll(LIMIT_SECONDS, TimeUnit.SECONDS)).as("again").isEqualTo(2);
        loop.executeAndWait(() -> {});
        Delivery delivery = record.snapshot().getDelivery();
        results.close();
        loop.close();
        record.close();

        assertThat(delivery.getDelivered()).isFalse();
        MeshException failure = ErrorStatuses.fromStatus(delivery.getFailure());
        assertThat(failure.reason()).isEqualTo(ErrorReason.INTERNAL);
        assertThat(failure).hasMessage("java.lang.IllegalStateException: no time");
    }

    /** A clock that never tells the time. */
    private static final class BrokenClock extends Clock {
        private final BlockingQueue<Integer> asked = new LinkedBlockingQueue<>();
        private int count;

        @Override
        public Instant instant() {
            asked.add(++count);
            throw new IllegalStateException("no time");
        }

        @Override
        public ZoneId getZone() {
            return ZoneOffset.UTC;
        }

        @Override
        public Clock withZone(ZoneId zone) {
            return this;
        }
    }
}
