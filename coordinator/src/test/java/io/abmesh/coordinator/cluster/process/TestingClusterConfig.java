package io.abmesh.coordinator.cluster.process;

import io.quarkus.runtime.configuration.DurationConverter;
import io.smallrye.config.PropertiesConfigSource;
import io.smallrye.config.SmallRyeConfigBuilder;
import java.time.Duration;
import java.util.Map;

/** Settings of a cluster as configuration gives them. */
public final class TestingClusterConfig {
    private TestingClusterConfig() {}

    /** Returns the settings that {@code values} and the defaults come to. */
    public static ClusterConfig of(Map<String, String> values) {
        return new SmallRyeConfigBuilder()
                .withMapping(ClusterConfig.class)
                .withConverter(Duration.class, 200, new DurationConverter())
                .withSources(new PropertiesConfigSource(values, "test", 100))
                .build()
                .getConfigMapping(ClusterConfig.class);
    }
}
