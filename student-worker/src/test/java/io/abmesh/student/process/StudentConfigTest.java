package io.abmesh.student.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quarkus.runtime.configuration.DurationConverter;
import io.quarkus.runtime.configuration.MemorySize;
import io.quarkus.runtime.configuration.MemorySizeConverter;
import io.smallrye.config.PropertiesConfigSource;
import io.smallrye.config.SmallRyeConfigBuilder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class StudentConfigTest {
    private static final Map<String, String> REQUIRED =
            Map.of(
                    "abmesh.student.coordinator-address", "mesh:9000",
                    "abmesh.student.checkpoint-directory", "/data/checkpoint");

    @Test
    void defaults() {
        StudentConfig config = config(Map.of());

        assertThat(config.coordinatorAddress()).isEqualTo("mesh:9000");
        assertThat(config.checkpointDirectory()).isEqualTo(Path.of("/data/checkpoint"));
        assertThat(config.workerId()).isEqualTo("student-0");
        assertThat(config.run()).isEmpty();
        assertThat(config.host()).isEqualTo("127.0.0.1");
        assertThat(config.grpcPort()).isZero();
        assertThat(config.advertisedHost()).isEmpty();
        assertThat(config.tlsDirectory()).isEmpty();
        assertThat(config.checkpointsKept()).isEqualTo(2);
        assertThat(config.exportDirectory()).isEmpty();
        assertThat(config.prefetch()).isEqualTo(4);
        assertThat(config.prefetchMemory().asLongValue()).isEqualTo(256L << 20);
        assertThat(config.fetchThreads()).isEqualTo(2);
        assertThat(config.fetchDeadline()).isEqualTo(Duration.ofSeconds(30));
        assertThat(config.batchTimeout()).isEqualTo(Duration.ofMinutes(2));
        assertThat(config.peerTimeout()).isEqualTo(Duration.ofMinutes(3));
        assertThat(config.threads()).isEmpty();
        assertThat(config.requireGpu()).isFalse();
        assertThat(config.commit()).isEmpty();
        assertThat(config.stopGrace()).isEqualTo(Duration.ofSeconds(8));
        assertThat(config.readyFile()).isEmpty();
        assertThat(ConfigRules.problems(config)).isEmpty();
    }

    @Test
    void everyKeyMaps() {
        StudentConfig config =
                config(
                        Map.ofEntries(
                                Map.entry("abmesh.student.worker-id", "s-1"),
                                Map.entry("abmesh.student.run", "r-1"),
                                Map.entry("abmesh.student.host", "0.0.0.0"),
                                Map.entry("abmesh.student.grpc-port", "9001"),
                                Map.entry("abmesh.student.advertised-host", "student-1"),
                                Map.entry("abmesh.student.tls-directory", "/tls"),
                                Map.entry("abmesh.student.checkpoints-kept", "7"),
                                Map.entry("abmesh.student.export-directory", "/data/export"),
                                Map.entry("abmesh.student.prefetch", "8"),
                                Map.entry("abmesh.student.prefetch-memory", "1G"),
                                Map.entry("abmesh.student.fetch-threads", "3"),
                                Map.entry("abmesh.student.fetch-deadline", "5s"),
                                Map.entry("abmesh.student.batch-timeout", "10s"),
                                Map.entry("abmesh.student.peer-timeout", "20s"),
                                Map.entry("abmesh.student.threads", "2"),
                                Map.entry("abmesh.student.require-gpu", "true"),
                                Map.entry("abmesh.student.commit", "0123abcd"),
                                Map.entry("abmesh.student.stop-grace", "1s"),
                                Map.entry("abmesh.student.ready-file", "/run/ready.json")));

        assertThat(config.workerId()).isEqualTo("s-1");
        assertThat(config.run()).contains("r-1");
        assertThat(config.host()).isEqualTo("0.0.0.0");
        assertThat(config.grpcPort()).isEqualTo(9001);
        assertThat(config.advertisedHost()).contains("student-1");
        assertThat(config.tlsDirectory()).contains(Path.of("/tls"));
        assertThat(config.checkpointsKept()).isEqualTo(7);
        assertThat(config.exportDirectory()).contains(Path.of("/data/export"));
        assertThat(config.prefetch()).isEqualTo(8);
        assertThat(config.prefetchMemory().asLongValue()).isEqualTo(1L << 30);
        assertThat(config.fetchThreads()).isEqualTo(3);
        assertThat(config.fetchDeadline()).isEqualTo(Duration.ofSeconds(5));
        assertThat(config.batchTimeout()).isEqualTo(Duration.ofSeconds(10));
        assertThat(config.peerTimeout()).isEqualTo(Duration.ofSeconds(20));
        assertThat(config.threads()).hasValue(2);
        assertThat(config.requireGpu()).isTrue();
        assertThat(config.commit()).contains("0123abcd");
        assertThat(config.stopGrace()).isEqualTo(Duration.ofSeconds(1));
        assertThat(config.readyFile()).contains(Path.of("/run/ready.json"));
    }

    @Test
    void rejectsAllProblemsTogether() {
        StudentConfig config =
                config(
                        Map.of(
                                "abmesh.student.coordinator-address", "nowhere",
                                "abmesh.student.worker-id", "a b",
                                "abmesh.student.prefetch-memory", "10",
                                "abmesh.student.threads", "0",
                                "abmesh.student.batch-timeout", "0s"));

        assertThat(ConfigRules.problems(config))
                .containsExactly(
                        "abmesh.student.coordinator-address is not an address: found=nowhere,"
                                + " expected=host:port",
                        "abmesh.student.worker-id is not a name: found=a b, expected=letters,"
                                + " digits, `.`, `_`, `-`, at most 63",
                        "abmesh.student.prefetch-memory is too small: found=10 bytes, expected at"
                                + " least=1048576",
                        "abmesh.student.threads is out of range: found=0, expected at least=1",
                        "abmesh.student.batch-timeout is not positive: found=PT0S");
    }

    @Test
    void rejectsAnUnknownKey() {
        assertThatThrownBy(() -> config(Map.of("abmesh.student.prefetsch", "1")))
                .hasMessageContaining("abmesh.student.prefetsch");
    }

    private static StudentConfig config(Map<String, String> more) {
        Map<String, String> properties = new HashMap<>(REQUIRED);
        properties.putAll(more);
        return new SmallRyeConfigBuilder()
                .withSources(new PropertiesConfigSource(properties, "test", 100))
                .withConverter(MemorySize.class, 100, new MemorySizeConverter())
                .withConverter(Duration.class, 100, new DurationConverter())
                .withMapping(StudentConfig.class)
                .build()
                .getConfigMapping(StudentConfig.class);
    }
}
