package io.abmesh.coordinator.process;

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

final class CoordinatorConfigTest {
    @Test
    void defaults() {
        CoordinatorConfig config = of(Map.of());
        assertThat(config.host()).isEqualTo("127.0.0.1");
        assertThat(config.advertisedHost()).isEmpty();
        assertThat(config.grpcPort()).isZero();
        assertThat(config.tlsDirectory()).isEmpty();
        assertThat(config.objectCacheDirectory()).isEmpty();
        assertThat(config.objectCacheMaxSize()).isEmpty();
        assertThat(config.resultsLocation()).isEmpty();
        assertThat(config.readyFile()).isEmpty();
        assertThat(config.maxParallelRuns()).isEmpty();
        assertThat(config.batchMemory().asLongValue()).isEqualTo(256L << 20);
        assertThat(config.lease()).isEqualTo(Duration.ofSeconds(15));
        assertThat(config.evaluationBatch()).isEqualTo(256);
        assertThat(config.describeDeadline()).isEqualTo(Duration.ofSeconds(30));
        assertThat(config.stallTimeout()).isEqualTo(Duration.ofMinutes(1));
        assertThat(config.positionDeadline()).isEqualTo(Duration.ofMinutes(1));
        assertThat(config.progressDeadline()).isEqualTo(Duration.ofMinutes(5));
        assertThat(config.traceEverySteps()).isEqualTo(100);
        assertThat(config.stopGrace()).isEqualTo(Duration.ofSeconds(2));
    }

    @Test
    void everyKeyMaps() {
        CoordinatorConfig config =
                of(
                        Map.ofEntries(
                                Map.entry("host", "0.0.0.0"),
                                Map.entry("advertised-host", "c"),
                                Map.entry("grpc-port", "7700"),
                                Map.entry("tls-directory", "/tls"),
                                Map.entry("object-cache-directory", "/cache"),
                                Map.entry("object-cache-max-size", "2M"),
                                Map.entry("results-location", "s3://b/p"),
                                Map.entry("ready-file", "/ready"),
                                Map.entry("max-parallel-runs", "3"),
                                Map.entry("batch-memory", "1M"),
                                Map.entry("lease", "1s"),
                                Map.entry("evaluation-batch", "2"),
                                Map.entry("describe-deadline", "3s"),
                                Map.entry("stall-timeout", "4s"),
                                Map.entry("position-deadline", "5s"),
                                Map.entry("progress-deadline", "8s"),
                                Map.entry("trace-every-steps", "6"),
                                Map.entry("stop-grace", "7s")));
        assertThat(config.host()).isEqualTo("0.0.0.0");
        assertThat(config.advertisedHost()).contains("c");
        assertThat(config.grpcPort()).isEqualTo(7700);
        assertThat(config.tlsDirectory()).contains(Path.of("/tls"));
        assertThat(config.storeDirectory()).isEqualTo(Path.of("/store"));
        assertThat(config.objectCacheDirectory()).contains(Path.of("/cache"));
        assertThat(config.objectCacheMaxSize().map(MemorySize::asLongValue)).contains(2L << 20);
        assertThat(config.resultsLocation()).contains("s3://b/p");
        assertThat(config.readyFile()).contains(Path.of("/ready"));
        assertThat(config.maxParallelRuns()).hasValue(3);
        assertThat(config.batchMemory().asLongValue()).isEqualTo(1L << 20);
        assertThat(config.lease()).isEqualTo(Duration.ofSeconds(1));
        assertThat(config.evaluationBatch()).isEqualTo(2);
        assertThat(config.describeDeadline()).isEqualTo(Duration.ofSeconds(3));
        assertThat(config.stallTimeout()).isEqualTo(Duration.ofSeconds(4));
        assertThat(config.positionDeadline()).isEqualTo(Duration.ofSeconds(5));
        assertThat(config.progressDeadline()).isEqualTo(Duration.ofSeconds(8));
        assertThat(config.traceEverySteps()).isEqualTo(6);
        assertThat(config.stopGrace()).isEqualTo(Duration.ofSeconds(7));
    }

    @Test
    void rejectsAKeyThatItDoesNotKnow() {
        assertThatThrownBy(() -> of(Map.of("max-paralel-runs", "2")))
                .hasMessageContaining("abmesh.coordinator.max-paralel-runs");
    }

    private static CoordinatorConfig of(Map<String, String> values) {
        Map<String, String> keys = new HashMap<>();
        keys.put("abmesh.coordinator.store-directory", "/store");
        values.forEach((key, value) -> keys.put("abmesh.coordinator." + key, value));
        return new SmallRyeConfigBuilder()
                .withMapping(CoordinatorConfig.class)
                .withConverter(Duration.class, 200, new DurationConverter())
                .withConverter(MemorySize.class, 200, new MemorySizeConverter())
                .withSources(new PropertiesConfigSource(keys, "test", 100))
                .build()
                .getConfigMapping(CoordinatorConfig.class);
    }
}
