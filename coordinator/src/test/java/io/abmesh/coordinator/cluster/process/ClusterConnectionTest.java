package io.abmesh.coordinator.cluster.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetAddress;
import java.time.Clock;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class ClusterConnectionTest {
    @Test
    void twoProcessesOfOnePodHaveTwoNamesInTheLease() throws Exception {
        ClusterConfig config = TestingClusterConfig.of(Map.of());

        String first = ClusterConnection.identity(config);

        assertThat(first).startsWith(InetAddress.getLocalHost().getHostName() + "_");
        assertThat(ClusterConnection.identity(config)).isNotEqualTo(first);
    }

    @Test
    void aNameThatIsGivenIsTheName() {
        ClusterConfig config = TestingClusterConfig.of(Map.of("abmesh.cluster.identity", "one"));

        assertThat(ClusterConnection.identity(config)).isEqualTo("one");
    }

    @Test
    void everyTimeThatIsOutOfRangeIsNamedBeforeAnythingIsAsked() {
        ClusterConfig config =
                TestingClusterConfig.of(
                        Map.of(
                                "abmesh.cluster.images.student", "s",
                                "abmesh.cluster.images.teacher", "t",
                                "abmesh.cluster.images.student-cuda", "s",
                                "abmesh.cluster.images.teacher-cuda", "t",
                                "abmesh.cluster.period", "0s",
                                "abmesh.cluster.lease", "0s",
                                "abmesh.cluster.request-timeout", "30d"));

        assertThatThrownBy(() -> ClusterConnection.open(config, Clock.systemUTC()))
                .hasMessage(
                        "abmesh.cluster.period is out of range: found=PT0S, expected=PT0.1S to PT1H;"
                                + " abmesh.cluster.lease is out of range: found=PT0S, expected=PT1S"
                                + " to PT1H; abmesh.cluster.request-timeout is out of range:"
                                + " found=PT720H, expected=PT1S to PT1H");
    }
}
