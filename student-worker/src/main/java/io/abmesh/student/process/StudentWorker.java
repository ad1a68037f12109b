package io.abmesh.student.process;

import io.abmesh.nn.engine.CudaDevices;
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
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.eclipse.microprofile.health.Readiness;

/**
 * Runs a {@link StudentProcess} until it is told to stop, the coordinator refuses it or it breaks,
 * and tells whoever started it when it takes work.
 */
final class StudentWorker implements QuarkusApplication {
    /** Exit code if it ends by an error, the JVM's own where memory is short. */
    private static final int BROKEN = 3;

    private final StudentConfig config;
    private final MeterRegistry registry;
    private final ServingHealth health;
    private final HttpServer http;
    private final StopGate gate;
    private final String version;

    StudentWorker(
            StudentConfig config,
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
        try {
            return work();
        } finally {
            gate.open();
        }
    }

    private int work() {
        Optional<String> noGpu = config.requireGpu() ? CudaDevices.problem() : Optional.empty();
        if (noGpu.isPresent()) {
            return CannotRun.because(noGpu.get());
        }
        try (StudentProcess process =
                StudentProcess.start(config, registry, Versions.of(version, config.commit()))) {
            CompletableFuture<Void> unused =
                    CompletableFuture.anyOf(process.refusal(), process.broken())
                            .thenAccept(end -> Quarkus.asyncExit());
            health.set(true);
            if (config.readyFile().isPresent()) {
                write(config.readyFile().get(), process.grpcPort());
            }
            ParentWatch.exitWithParent(Quarkus::asyncExit);
            Quarkus.waitForExit();
            health.set(false);
            if (process.broken().isDone()) {
                return BROKEN;
            }
            MeshException refused = process.refusal().getNow(null);
            return refused == null ? 0 : CannotRun.because(refused.getMessage());
        } catch (MeshException e) {
            return CannotRun.because(e.getMessage());
        } catch (IOException e) {
            return CannotRun.because("ready file cannot be written: " + e);
        }
    }

    private void write(Path file, int grpcPort) throws IOException {
        new ReadyFile("student", ProcessHandle.current().pid(), grpcPort, http.getPort())
                .write(file);
    }
}
