package io.abmesh.coordinator.page;

import io.quarkus.runtime.configuration.MemorySize;
import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;

/** Deployment settings of the page. */
@ConfigMapping(prefix = "abmesh.page")
public interface PageConfig {
    /**
     * Memory for the curves of runs that are looked at. More keeps more runs at hand before their
     * journals are read again.
     */
    @WithDefault("32M")
    MemorySize curveMemory();

    /** Browsers that are kept up to date at a time; one more is told to come back. */
    @WithDefault("64")
    @Min(1)
    @Max(4096)
    int maxStreams();
}
