package io.abmesh.coordinator.page;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quarkus.runtime.configuration.MemorySize;
import io.quarkus.runtime.configuration.MemorySizeConverter;
import io.smallrye.config.PropertiesConfigSource;
import io.smallrye.config.SmallRyeConfigBuilder;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class PageConfigTest {
    @Test
    void defaults() {
        PageConfig config = of(Map.of());
        assertThat(config.curveMemory().asLongValue()).isEqualTo(32 << 20);
        assertThat(config.maxStreams()).isEqualTo(64);
    }

    @Test
    void everyKeyMaps() {
        PageConfig config =
                of(Map.of("abmesh.page.curve-memory", "1M", "abmesh.page.max-streams", "3"));
        assertThat(config.curveMemory().asLongValue()).isEqualTo(1 << 20);
        assertThat(config.maxStreams()).isEqualTo(3);
    }

    @Test
    void rejectsAKeyThatItDoesNotKnow() {
        assertThatThrownBy(() -> of(Map.of("abmesh.page.curves", "1M")))
                .hasMessageContaining("abmesh.page.curves");
    }

    private static PageConfig of(Map<String, String> values) {
        return new SmallRyeConfigBuilder()
                .withMapping(PageConfig.class)
                .withConverter(MemorySize.class, 200, new MemorySizeConverter())
                .withSources(new PropertiesConfigSource(values, "test", 100))
                .build()
                .getConfigMapping(PageConfig.class);
    }
}
