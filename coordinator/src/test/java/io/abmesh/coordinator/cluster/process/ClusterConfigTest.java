package io.abmesh.coordinator.cluster.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class ClusterConfigTest {
    @Test
    void defaults() {
        ClusterConfig config = TestingClusterConfig.of(Map.of());
        assertThat(config.enabled()).isFalse();
        assertThat(config.namespace()).isEmpty();
        assertThat(config.identity()).isEmpty();
        assertThat(config.coordinatorAddress()).isEqualTo("abmesh-coordinator:7700");
        assertThat(config.images().student()).isEmpty();
        assertThat(config.images().teacher()).isEmpty();
        assertThat(config.images().studentCuda()).isEmpty();
        assertThat(config.images().teacherCuda()).isEmpty();
        assertThat(config.dataDirectory()).isEqualTo(Path.of("/data"));
        assertThat(config.dataClaim()).isEmpty();
        assertThat(config.objectsSecret()).isEmpty();
        assertThat(config.storeClaim()).isEqualTo("store-abmesh-coordinator-0");
        assertThat(config.priorityClass()).isEmpty();
        assertThat(config.period()).isEqualTo(Duration.ofSeconds(5));
        assertThat(config.lease()).isEqualTo(Duration.ofSeconds(15));
        assertThat(config.certificateLife()).isEqualTo(Duration.ofDays(30));
        assertThat(config.requestTimeout()).isEqualTo(Duration.ofSeconds(10));
    }

    @Test
    void everyKeyMaps() {
        ClusterConfig config =
                TestingClusterConfig.of(
                        Map.ofEntries(
                                Map.entry("abmesh.cluster.enabled", "true"),
                                Map.entry("abmesh.cluster.namespace", "mesh"),
                                Map.entry("abmesh.cluster.identity", "one"),
                                Map.entry("abmesh.cluster.coordinator-address", "c:1"),
                                Map.entry("abmesh.cluster.images.student", "s"),
                                Map.entry("abmesh.cluster.images.teacher", "t"),
                                Map.entry("abmesh.cluster.images.student-cuda", "sc"),
                                Map.entry("abmesh.cluster.images.teacher-cuda", "tc"),
                                Map.entry("abmesh.cluster.data-directory", "/d"),
                                Map.entry("abmesh.cluster.data-claim", "data"),
                                Map.entry("abmesh.cluster.objects-secret", "objects"),
                                Map.entry("abmesh.cluster.store-claim", "store"),
                                Map.entry("abmesh.cluster.priority-class", "low"),
                                Map.entry("abmesh.cluster.period", "1s"),
                                Map.entry("abmesh.cluster.lease", "3s"),
                                Map.entry("abmesh.cluster.certificate-life", "48h"),
                                Map.entry("abmesh.cluster.request-timeout", "2s")));
        assertThat(config.enabled()).isTrue();
        assertThat(config.namespace()).contains("mesh");
        assertThat(config.identity()).contains("one");
        assertThat(config.coordinatorAddress()).isEqualTo("c:1");
        assertThat(config.images().student()).contains("s");
        assertThat(config.images().teacher()).contains("t");
        assertThat(config.images().studentCuda()).contains("sc");
        assertThat(config.images().teacherCuda()).contains("tc");
        assertThat(config.dataDirectory()).isEqualTo(Path.of("/d"));
        assertThat(config.dataClaim()).contains("data");
        assertThat(config.objectsSecret()).contains("objects");
        assertThat(config.storeClaim()).isEqualTo("store");
        assertThat(config.priorityClass()).contains("low");
        assertThat(config.period()).isEqualTo(Duration.ofSeconds(1));
        assertThat(config.lease()).isEqualTo(Duration.ofSeconds(3));
        assertThat(config.certificateLife()).isEqualTo(Duration.ofDays(2));
        assertThat(config.requestTimeout()).isEqualTo(Duration.ofSeconds(2));
    }

    @Test
    void rejectsAKeyThatItDoesNotKnow() {
        assertThatThrownBy(() -> TestingClusterConfig.of(Map.of("abmesh.cluster.perod", "1s")))
                .hasMessageContaining("abmesh.cluster.perod");
    }
}
