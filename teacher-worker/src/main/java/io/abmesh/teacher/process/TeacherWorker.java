package io.abmesh.teacher.process;

import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.log.LogContext;
import io.abmesh.proto.log.LogFormat;
import io.abmesh.proto.process.CannotRun;
import io.abmesh.proto.process.ParentWatch;
import io.abmesh.proto.process.ReadyFile;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.QuarkusApplication;
import io.quarkus.vertx.http.HttpServer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.eclipse.microprofile.health.Readiness;

/**
 * Runs a {@link TeacherProcess} until it is told to stop or the coordinator refuses it, and tells
 * whoever started it when it serves.
 */
final class TeacherWorker implements QuarkusApplication {
    private final TeacherConfig config;
    private final MeterRegistry registry;
    private final ServingHealth health;
    private final HttpServer http;
    private final StopGate gate;
    private final String version;

    TeacherWorker(
            TeacherConfig config,
            MeterRegistry registry,
            @Readiness ServingHealth health,
            HttpServer http,
            StopGate gate,
            @ConfigProperty(name = "quarkus.application.version") String version,
            @ConfigProperty(name = LogFormat.KEY) String logFormat) {
        this.config = config;
        this.registry = registry;
        this.health = health;
        this.http = http;
        this.gate = gate;
        this.version = version;
        LogFormat.require(logFormat);
    }

    @Override
    public int run(String... arguments) {
        gate.begin();
        LogContext.NONE.worker(config.workerId()).enter();
        try (TeacherProcess process = TeacherProcess.start(config, registry, version)) {
            CompletableFuture<Void> unused =
                    process.refusal().thenAccept(refused -> Quarkus.asyncExit());
            health.set(true);
            if (config.readyFile().isPresent()) {
                write(config.readyFile().get(), process.grpcPort());
            }
            ParentWatch.exitWithParent(Quarkus::asyncExit);
            Quarkus.waitForExit();
            health.set(false);
            MeshException refused = process.refusal().getNow(null);
            return refused == null ? 0 : CannotRun.because(refused.getMessage());
        } catch (MeshException e) {
            return CannotRun.because(e.getMessage());
        } catch (IOException e) {
            return CannotRun.because("ready file cannot be written: " + e);
        } finally {
            gate.open();
        }
    }

    private void write(Path file, int grpcPort) throws IOException {
        new ReadyFile("teacher", ProcessHandle.current().pid(), grpcPort, http.getPort())
                .write(file);
    }
}
