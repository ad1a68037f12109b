package io.abmesh.teacher.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quarkus.runtime.configuration.MemorySizeConverter;
import io.smallrye.config.PropertiesConfigSource;
import io.smallrye.config.SmallRyeConfig;
import io.smallrye.config.SmallRyeConfigBuilder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class TeacherConfigTest {
    @Test
    void defaults() {
        TeacherConfig config = config(Map.of());

        assertThat(config.model()).isEqualTo("m.onnx");
        assertThat(config.objectCacheDirectory()).isEmpty();
        assertThat(config.objectCacheMaxSize()).isEmpty();
        assertThat(config.trusted()).isFalse();
        assertThat(config.host()).isEqualTo("127.0.0.1");
        assertThat(config.grpcPort()).isZero();
        assertThat(config.advertisedHost()).isEmpty();
        assertThat(config.tlsDirectory()).isEmpty();
        assertThat(config.coordinatorAddress()).isEmpty();
        assertThat(config.workerId()).isEqualTo("teacher-0");
        assertThat(config.run()).isEmpty();
        assertThat(config.engineThreads()).isEmpty();
        assertThat(config.chunkSize()).isEqualTo(32);
        assertThat(config.maxStreams()).isEqualTo(4);
        assertThat(config.heldMemory().asLongValue()).isEqualTo(512L << 20);
        assertThat(config.requireGpu()).isFalse();
        assertThat(config.cacheDirectory()).isEmpty();
        assertThat(config.cacheMaxSize().asLongValue()).isEqualTo(2L << 30);
        assertThat(config.stallTimeout()).isEqualTo(Duration.ofSeconds(30));
        assertThat(config.stopGrace()).isEqualTo(Duration.ofSeconds(5));
        assertThat(config.readyFile()).isEmpty();
        assertThat(ConfigRules.problems(config)).isEmpty();
    }

    @Test
    void everyKeyMaps() {
        TeacherConfig config =
                config(
                        Map.ofEntries(
                                Map.entry("object-cache-directory", "/objects"),
                                Map.entry("object-cache-max-size", "3M"),
                                Map.entry("trusted", "true"),
                                Map.entry("host", "0.0.0.0"),
                                Map.entry("grpc-port", "4711"),
                                Map.entry("advertised-host", "teacher-3.mesh"),
                                Map.entry("tls-directory", "/tls"),
                                Map.entry("coordinator-address", "coordinator:8000"),
                                Map.entry("worker-id", "teacher-3"),
                                Map.entry("run", "r-1"),
                                Map.entry("engine-threads", "6"),
                                Map.entry("chunk-size", "8"),
                                Map.entry("max-streams", "2"),
                                Map.entry("held-memory", "64M"),
                                Map.entry("require-gpu", "true"),
                                Map.entry("cache-directory", "/cache"),
                                Map.entry("cache-max-size", "10M"),
                                Map.entry("stall-timeout", "PT3S"),
                                Map.entry("stop-grace", "PT1S"),
                                Map.entry("ready-file", "/ready.json")));

        assertThat(config.objectCacheDirectory()).contains(Path.of("/objects"));
        assertThat(config.objectCacheMaxSize().orElseThrow().asLongValue()).isEqualTo(3L << 20);
        assertThat(config.trusted()).isTrue();
        assertThat(config.host()).isEqualTo("0.0.0.0");
        assertThat(config.grpcPort()).isEqualTo(4711);
        assertThat(config.advertisedHost()).contains("teacher-3.mesh");
        assertThat(config.tlsDirectory()).contains(Path.of("/tls"));
        assertThat(config.coordinatorAddress()).contains("coordinator:8000");
        assertThat(config.workerId()).isEqualTo("teacher-3");
        assertThat(config.run()).contains("r-1");
        assertThat(config.engineThreads()).hasValue(6);
        assertThat(config.chunkSize()).isEqualTo(8);
        assertThat(config.maxStreams()).isEqualTo(2);
        assertThat(config.requireGpu()).isTrue();
        assertThat(config.heldMemory().asLongValue()).isEqualTo(64L << 20);
        assertThat(config.cacheDirectory()).contains(Path.of("/cache"));
        assertThat(config.cacheMaxSize().asLongValue()).isEqualTo(10L << 20);
        assertThat(config.stallTimeout()).isEqualTo(Duration.ofSeconds(3));
        assertThat(config.stopGrace()).isEqualTo(Duration.ofSeconds(1));
        assertThat(config.readyFile()).contains(Path.of("/ready.json"));
        assertThat(ConfigRules.problems(config)).isEmpty();
    }

    @Test
    void reportsAllProblemsTogether() {
        TeacherConfig config =
                config(
                        Map.of(
                                "held-memory", "1M",
                                "cache-directory", "/cache",
                                "cache-max-size", "10K",
                                "coordinator-address", "nowhere",
                                "worker-id", "../up",
                                "engine-threads", "0",
                                "stall-timeout", "PT0S"));

        assertThat(ConfigRules.problems(config))
                .containsExactly(
                        "abmesh.teacher.held-memory gives each of max-streams too little:"
                                + " found=262144 bytes, expected at least=1048576",
                        "abmesh.teacher.cache-max-size is too small: found=10240 bytes, expected at"
                                + " least=1048576",
                        "abmesh.teacher.coordinator-address is not an address: found=nowhere,"
                                + " expected=host:port",
                        "abmesh.teacher.worker-id is not a name: found=../up, expected=letters,"
                                + " digits, `.`, `_`, `-`, at most 63",
                        "abmesh.teacher.engine-threads is out of range: found=0, expected at least=1",
                        "abmesh.teacher.stall-timeout is not positive: found=PT0S");
    }

    @Test
    void rejectsAnUnknownKey() {
        assertThatThrownBy(() -> config(Map.of("modell", "x")))
                .hasMessageContaining("abmesh.teacher.modell");
    }

    static TeacherConfig config(Map<String, String> keys) {
        Map<String, String> properties = new HashMap<>();
        properties.put("abmesh.teacher.model", "m.onnx");
        keys.forEach((key, value) -> properties.put("abmesh.teacher." + key, value));
        SmallRyeConfig config =
                new SmallRyeConfigBuilder()
                        .withMapping(TeacherConfig.class)
                        .withConverter(
                                io.quarkus.runtime.configuration.MemorySize.class,
                                100,
                                new MemorySizeConverter())
                        .withSources(new PropertiesConfigSource(properties, "test", 100))
                        .build();
        return config.getConfigMapping(TeacherConfig.class);
    }
}
