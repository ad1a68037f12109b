package io.abmesh.coordinator.process;

import io.abmesh.coordinator.cluster.process.ClusterConfig;
import io.abmesh.coordinator.page.PageRoutes;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.log.LogFormat;
import io.abmesh.proto.process.CannotRun;
import io.abmesh.proto.process.ParentWatch;
import io.abmesh.proto.process.ReadyFile;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.QuarkusApplication;
import io.quarkus.vertx.http.HttpServer;
import java.io.IOException;
import java.util.Optional;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.eclipse.microprofile.health.Readiness;

/**
 * Runs a {@link CoordinatorProcess} until it is told to stop, and tells whoever started it when it
 * serves.
 */
final class Coordinator implements QuarkusApplication {
    private final CoordinatorConfig config;
    private final ClusterConfig cluster;
    private final MeterRegistry registry;
    private final ServingHealth health;
    private final HttpServer http;
    private final PageRoutes page;
    private final String version;

    Coordinator(
            CoordinatorConfig config,
            ClusterConfig cluster,
            MeterRegistry registry,
            @Readiness ServingHealth health,
            HttpServer http,
            PageRoutes page,
            @ConfigProperty(name = "quarkus.application.version") String version,
            @ConfigProperty(name = LogFormat.KEY) String logFormat) {
        this.config = config;
        this.cluster = cluster;
        this.registry = registry;
        this.health = health;
        this.http = http;
        this.page = page;
        this.version = version;
        LogFormat.require(logFormat);
    }

    @Override
    public int run(String... arguments) {
        try (CoordinatorProcess process =
                CoordinatorProcess.start(
                        config,
                        registry,
                        version,
                        cluster.enabled() ? Optional.of(cluster) : Optional.empty())) {
            page.serve(process.runs());
            health.set(true);
            if (config.readyFile().isPresent()) {
                new ReadyFile(
                                "coordinator",
                                ProcessHandle.current().pid(),
                                process.grpcPort(),
                                http.getPort())
                        .write(config.readyFile().get());
            }
            ParentWatch.exitWithParent(Quarkus::asyncExit);
            Quarkus.waitForExit();
            health.set(false);
            page.stop();
            return 0;
        } catch (MeshException e) {
            return CannotRun.because(e.getMessage());
        } catch (IOException e) {
            return CannotRun.because("ready file cannot be written: " + e);
        }
    }
}
