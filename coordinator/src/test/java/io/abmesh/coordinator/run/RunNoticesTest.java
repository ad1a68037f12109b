package io.abmesh.coordinator.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.abmesh.coordinator.meter.CoordinatorMeter;
import io.abmesh.coordinator.meter.CoordinatorMeters;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.Notice;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class RunNoticesTest {
    @TempDir Path directory;

    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private final TestingLog log = new TestingLog(RunNotices.class);
    private RunRecord record;
    private RunNotices notices;

    @BeforeEach
    void open() {
        record =
                RunRecord.open(
                        TestingRuns.folder(directory, TestingPlans.supervised()),
                        new TestingClock());
        notices = new RunNotices(record, new CoordinatorMeters(registry).begin("run"));
    }

    @AfterEach
    void close() {
        record.close();
        log.close();
    }

    @Test
    void aNoticeIsAnEventALineAndCounted() throws IOException {
        record.logContext().during(() -> notices.notice("OBJECTS_UNAVAILABLE", "no answer: 100%"));

        assertThat(record.journal().count()).isEqualTo(1);
        assertThat(record.journal().read(0).getNotice())
                .isEqualTo(
                        Notice.newBuilder()
                                .setReason("OBJECTS_UNAVAILABLE")
                                .setMessage("no answer: 100%")
                                .build());
        assertThat(log.lines())
                .containsExactly("INFO run=run Notice reason=OBJECTS_UNAVAILABLE: no answer: 100%");
        assertThat(counted()).isEqualTo(1);
    }

    @Test
    void aNoticeThatTheJournalDoesNotTakeIsLoggedAndCountedAllTheSame() {
        record.close();

        assertThatThrownBy(() -> notices.notice("OBJECTS_UNAVAILABLE", "no answer"))
                .isInstanceOfSatisfying(
                        MeshException.class,
                        e -> assertThat(e.reason()).isEqualTo(ErrorReason.STORE_FULL));
        assertThat(log.lines())
                .containsExactly("INFO run= Notice reason=OBJECTS_UNAVAILABLE: no answer");
        assertThat(counted()).isEqualTo(1);
    }

    private double counted() {
        return registry.get(CoordinatorMeter.NOTICES.meterName())
                .tag("run", "run")
                .tag("reason", "OBJECTS_UNAVAILABLE")
                .counter()
                .count();
    }
}
