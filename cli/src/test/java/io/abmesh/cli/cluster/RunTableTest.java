package io.abmesh.cli.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.util.Durations;
import io.abmesh.proto.v1.ClusterRun;
import java.util.List;
import org.junit.jupiter.api.Test;

final class RunTableTest {
    @Test
    void aRunIsALine() {
        ClusterRun running =
                ClusterRun.newBuilder()
                        .setName("quickstart")
                        .setPhase("Running")
                        .setProgressPercent(42)
                        .setRemainingDuration(Durations.fromSeconds(3 * 3600 + 65))
                        .setBestAccuracy(0.8125)
                        .setStudentCount(2)
                        .setTeacherCount(3)
                        .build();
        ClusterRun waiting = ClusterRun.newBuilder().setName("next").setPhase("Pending").build();
        assertThat(RunTable.lines(List.of(running, waiting)))
                .containsExactly(
                        "NAME        PHASE    PROGRESS  REMAINING  ACCURACY  STUDENTS  TEACHERS  RESULT",
                        "quickstart  Running  42%       3h01m      81.25%    2         3         -",
                        "next        Pending  0%        -          -         0         0         -");
    }

    @Test
    void aResultIsNamedByItsAddressOrByWhatKeepsIt() {
        ClusterRun there =
                ClusterRun.newBuilder().setResultLocation("s3://results/mesh/one-1").build();
        ClusterRun failing =
                ClusterRun.newBuilder().setResultFailure("OBJECTS_UNAVAILABLE: no answer").build();
        assertThat(RunTable.lines(List.of(there, failing)))
                .satisfiesExactly(
                        head -> assertThat(head).endsWith("  RESULT"),
                        line -> assertThat(line).endsWith("  s3://results/mesh/one-1"),
                        line -> assertThat(line).endsWith("  OBJECTS_UNAVAILABLE"));
    }
}
