package io.abmesh.teacher.process;

import io.abmesh.nn.engine.CudaDevices;
import io.abmesh.nn.teacher.OnnxTeacherEngine;
import io.abmesh.nn.teacher.TeacherDescription;
import io.abmesh.nn.teacher.TeacherEngine;
import io.abmesh.nn.teacher.TeacherEngines;
import io.abmesh.nn.teacher.TeacherException;
import io.abmesh.nn.teacher.TeacherOptions;
import io.abmesh.objects.ObjectAddress;
import io.abmesh.objects.ObjectCache;
import io.abmesh.objects.ObjectException;
import io.abmesh.objects.ObjectStore;
import io.abmesh.objects.ObjectUse;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.identity.MeshRole;
import io.abmesh.proto.trace.StepTracing;
import io.abmesh.proto.transport.HostPort;
import io.abmesh.proto.transport.MeshSecurity;
import io.abmesh.proto.transport.MeshServer;
import io.abmesh.proto.transport.ResponseSender;
import io.abmesh.proto.v1.JoinMeshRequest;
import io.abmesh.teacher.batch.HeldBatches;
import io.abmesh.teacher.batch.TeacherFailures;
import io.abmesh.teacher.cache.BoundaryCache;
import io.abmesh.teacher.cache.SegmentedBoundaryCache;
import io.abmesh.teacher.membership.MeshMember;
import io.abmesh.teacher.meter.TeacherMeters;
import io.abmesh.teacher.stream.BatchGrpcService;
import io.abmesh.teacher.stream.StreamLimits;
import io.abmesh.teacher.stream.TeacherGrpcService;
import io.abmesh.teacher.stream.TeacherHost;
import io.micrometer.core.instrument.MeterRegistry;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.quarkus.runtime.configuration.MemorySize;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/** The parts of a running teacher-worker, started in order and stopped in reverse. */
public final class TeacherProcess implements AutoCloseable {
    private static final Logger LOG = Logger.getLogger(TeacherProcess.class);
    private static final int RPC_THREADS = 4;

    private final TeacherConfig config;
    private final AtomicBoolean drain = new AtomicBoolean();
    private final Deque<Runnable> stops = new ArrayDeque<>();
    private @Nullable MeshServer server;
    private CompletableFuture<MeshException> refusal = new CompletableFuture<>();

    private TeacherProcess(TeacherConfig config) {
        this.config = config;
    }

    /**
     * Starts to serve.
     *
     * @param version version of the program
     * @throws MeshException INVALID_REQUEST for a wrong configuration (all problems),
     *     CERTIFICATE_UNUSABLE, TLS_REQUIRED, MODEL_UNREADABLE, OBJECTS_UNAVAILABLE, STORE_FULL,
     *     ADDRESS_UNAVAILABLE; nothing is left running then
     */
    public static TeacherProcess start(
            TeacherConfig config, MeterRegistry registry, String version) {
        List<String> problems = ConfigRules.problems(config);
        if (!problems.isEmpty()) {
            throw new MeshException(ErrorReason.INVALID_REQUEST, String.join("; ", problems));
        }
        TeacherProcess process = new TeacherProcess(config);
        try {
            process.open(registry, version);
            return process;
        } catch (RuntimeException e) {
            process.close();
            throw e;
        }
    }

    private void open(MeterRegistry registry, String version) {
        MeshSecurity security = MeshSecurity.of(MeshRole.TEACHER, config.tlsDirectory());
        stops.push(security::close);
        TeacherEngine engine = engine();
        ExecutorService compute =
                Executors.newSingleThreadExecutor(task -> new Thread(task, "teacher-compute"));
        stops.push(() -> closeBehind(compute, engine));
        if (config.requireGpu()) {
            requireGpu(engine.describe());
        }
        BoundaryCache cache = cache();
        stops.push(cache::close);
        stops.push(() -> stop(compute));
        ResponseSender sender = new ResponseSender("teacher", config.stallTimeout());
        stops.push(sender::close);
        ScheduledThreadPoolExecutor timer =
                new ScheduledThreadPoolExecutor(
                        1, new DefaultThreadFactory("teacher-stream-stall", true));
        timer.setRemoveOnCancelPolicy(true);
        stops.push(timer::shutdownNow);
        StepTracing tracing = StepTracing.fromEnvironment(System.getenv(), "abmesh-teacher-worker");
        stops.push(tracing::close);
        TeacherHost host =
                new TeacherHost(
                        config.workerId(),
                        version,
                        engine,
                        cache,
                        new HeldBatches(),
                        new TeacherMeters(
                                registry, config.heldMemory().asLongValue(), cache::sizeBytes),
                        tracing,
                        new StreamLimits(
                                config.maxStreams(),
                                config.heldMemory().asLongValue(),
                                config.chunkSize(),
                                config.stallTimeout()),
                        compute,
                        timer,
                        drain);
        MeshServer started =
                MeshServer.start(
                        "teacher",
                        security,
                        config.host(),
                        config.grpcPort(),
                        RPC_THREADS,
                        List.of(new TeacherGrpcService(host), new BatchGrpcService(host, sender)));
        server = started;
        stops.push(() -> started.stop(Duration.ZERO)); // Of use only if joining fails.
        TeacherDescription model = engine.describe();
        Optional<MeshMember> member =
                config.coordinatorAddress()
                        .map(coordinator -> join(coordinator, started, security, model, version));
        member.ifPresent(joined -> stops.push(joined::close));
        refusal = member.map(MeshMember::refusal).orElse(refusal);
        stops.push(() -> started.stop(config.stopGrace()));
        member.ifPresent(joined -> stops.push(joined::drain));
        started.serving();
        LOG.infof(
                "Teacher serves address=%s model=%s engine=%s taps=%d classes=%d cacheBytes=%d",
                started.address(),
                model.modelName(),
                model.engine(),
                model.taps().size(),
                model.classCount(),
                cache.sizeBytes());
    }

    private TeacherEngine engine() {
        int threads =
                config.engineThreads()
                        .orElse(Math.max(1, Runtime.getRuntime().availableProcessors() / 2));
        try {
            return TeacherEngines.open(
                    model(),
                    TeacherOptions.defaults()
                            .withIntraOpThreads(threads)
                            .withChunkSize(config.chunkSize())
                            .withTrusted(config.trusted()));
        } catch (TeacherException e) {
            throw TeacherFailures.of(e);
        }
    }

    private static void requireGpu(TeacherDescription model) {
        Optional<String> problem =
                model.engine().equals(OnnxTeacherEngine.NAME)
                        ? Optional.of(
                                "model is computed on the processor: found=%s in ONNX, expected=an archive of DL4J, or no GPUs for teachers"
                                        .formatted(model.modelName()))
                        : CudaDevices.problem();
        if (problem.isPresent()) {
            throw new MeshException(ErrorReason.INVALID_REQUEST, problem.get());
        }
    }

    /** Returns where the model is; what was fetched stays there until the process stops. */
    private Path model() {
        if (!ObjectAddress.isMeantBy(config.model())) {
            return Path.of(config.model());
        }
        try (ObjectStore store = ObjectStore.ofEnvironment()) {
            ObjectUse use = objects(store).file(ObjectAddress.parse(config.model()));
            stops.push(use::close);
            LOG.infof("Model is here address=%s file=%s", config.model(), use.path());
            return use.path();
        } catch (ObjectException e) {
            ErrorReason reason =
                    e.reason()
                            .fold(
                                    ErrorReason.OBJECTS_UNAVAILABLE,
                                    ErrorReason.STORE_FULL,
                                    ErrorReason.MODEL_UNREADABLE);
            throw new MeshException(reason, String.valueOf(e.getMessage()), Map.of(), e);
        }
    }

    private ObjectCache objects(ObjectStore store) {
        return new ObjectCache(
                config.objectCacheDirectory().orElseGet(ObjectCache::ofUser),
                store,
                config.objectCacheMaxSize()
                        .map(MemorySize::asLongValue)
                        .orElse(ObjectCache.MAX_BYTES),
                Clock.systemUTC());
    }

    /** A cache that cannot be had costs time, not results: the worker then runs without. */
    private BoundaryCache cache() {
        if (config.cacheDirectory().isEmpty()) {
            return BoundaryCache.none();
        }
        Path folder = config.cacheDirectory().get().resolve(config.workerId());
        try {
            Optional<SegmentedBoundaryCache> cache =
                    SegmentedBoundaryCache.open(folder, config.cacheMaxSize().asLongValue());
            if (cache.isPresent()) {
                return cache.get();
            }
            LOG.warnf("Boundary cache is in use by another process folder=%s", folder);
        } catch (IOException e) {
            LOG.warnf("Boundary cache cannot be used folder=%s cause=%s", folder, e);
        }
        return BoundaryCache.none();
    }

    private MeshMember join(
            String coordinator,
            MeshServer started,
            MeshSecurity security,
            TeacherDescription model,
            String version) {
        String host = config.advertisedHost().orElse(config.host());
        return MeshMember.join(
                JoinMeshRequest.newBuilder()
                        .setWorkerId(config.workerId())
                        .setAddress(HostPort.of(host, started.port()))
                        .setVersion(version)
                        .setModelSha256(model.modelSha256())
                        .setRunRequestId(config.run().orElse(""))
                        .build(),
                coordinator,
                security);
    }

    /** Port of the gRPC server. */
    public int grpcPort() {
        if (server == null) {
            throw new IllegalStateException("not started");
        }
        return server.port();
    }

    /** Completes when the coordinator refuses this worker for good; never for one alone. */
    CompletableFuture<MeshException> refusal() {
        return refusal;
    }

    /** Tells the coordinator, refuses new streams, lets open calls end, frees everything. */
    @Override
    public void close() {
        drain.set(true);
        while (!stops.isEmpty()) {
            stops.pop().run();
        }
    }

    /** What computes in native memory keeps it; the process ends with it. */
    static void closeBehind(ExecutorService compute, TeacherEngine engine) {
        compute.shutdown();
        if (compute.isTerminated()) {
            engine.close();
        } else {
            LOG.warn("Teacher stops in the middle of a micro-batch");
        }
    }

    private static void stop(ExecutorService compute) {
        compute.shutdown();
        try {
            if (!compute.awaitTermination(5, TimeUnit.SECONDS)) {
                compute.shutdownNow();
            }
        } catch (InterruptedException e) {
            compute.shutdownNow();
            Thread.currentThread().interrupt();
        }
    }
}
