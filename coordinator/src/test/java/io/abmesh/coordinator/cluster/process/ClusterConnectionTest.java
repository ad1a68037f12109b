package io.abmesh.coordinator.cluster.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
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
}
