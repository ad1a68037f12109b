package io.abmesh.coordinator.process;

import io.abmesh.coordinator.batch.BatchGrpcService;
import io.abmesh.coordinator.batch.BatchMemory;
import io.abmesh.coordinator.batch.LazyBatches;
import io.abmesh.coordinator.cluster.process.ClusterConfig;
import io.abmesh.coordinator.cluster.process.ClusterConnection;
import io.abmesh.coordinator.cluster.process.ClusterProcess;
import io.abmesh.coordinator.meter.CoordinatorMeters;
import io.abmesh.coordinator.run.BlockingCalls;
import io.abmesh.coordinator.run.Datasets;
import io.abmesh.coordinator.run.Loop;
import io.abmesh.coordinator.run.ResultDelivery;
import io.abmesh.coordinator.run.RunGrpcService;
import io.abmesh.coordinator.run.Runs;
import io.abmesh.coordinator.run.SharedParts;
import io.abmesh.coordinator.run.StepSampling;
import io.abmesh.coordinator.run.StoredArtifacts;
import io.abmesh.coordinator.store.RunFolder;
import io.abmesh.coordinator.store.RunStore;
import io.abmesh.coordinator.worker.AssignmentGrpcService;
import io.abmesh.coordinator.worker.MembershipGrpcService;
import io.abmesh.coordinator.worker.MonotonicClock;
import io.abmesh.objects.ObjectAddress;
import io.abmesh.objects.ObjectCache;
import io.abmesh.objects.ObjectException;
import io.abmesh.objects.ObjectStore;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.identity.MeshRole;
import io.abmesh.proto.trace.StepTracing;
import io.abmesh.proto.transport.Caller;
import io.abmesh.proto.transport.HostPort;
import io.abmesh.proto.transport.MeshSecurity;
import io.abmesh.proto.transport.MeshServer;
import io.abmesh.proto.transport.ResponseSender;
import io.grpc.BindableService;
import io.micrometer.core.instrument.MeterRegistry;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.quarkus.runtime.configuration.MemorySize;
import java.security.SecureRandom;
import java.time.Clock;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/** The parts of a running coordinator, started in order and stopped in reverse. */
public final class CoordinatorProcess implements AutoCloseable {
    private static final Logger LOG = Logger.getLogger(CoordinatorProcess.class);

    /** Threads that serve workers and people; what may block is not for them. */
    private static final int RPC_THREADS = 4;

    /** Threads beside the loop apart from one for each run that opens its data. */
    private static final int BESIDE_THREADS = 1;

    private static final long LEAST_BATCH_BYTES = 1 << 20;

    /** Heartbeats per lease. */
    private static final int BEATS = 3;

    private final CoordinatorConfig config;
    private final Deque<Runnable> stops = new ArrayDeque<>();
    private @Nullable MeshServer server;
    private @Nullable Runs runs;

    private CoordinatorProcess(CoordinatorConfig config) {
        this.config = config;
    }

    /**
     * Starts to serve.
     *
     * @param registry gets the meters
     * @param version of the program, which workers must share
     * @throws MeshException ADDRESS_UNAVAILABLE, CERTIFICATE_UNUSABLE, TLS_REQUIRED, STORE_FULL,
     *     INVALID_REQUEST for a wrong address in the configuration; nothing is left running then
     */
    public static CoordinatorProcess start(
            CoordinatorConfig config, MeterRegistry registry, String version) {
        return start(config, registry, version, Optional.empty());
    }

    /**
     * Starts to serve, on a cluster as its operator.
     *
     * @param cluster absent: there is no cluster
     */
    public static CoordinatorProcess start(
            CoordinatorConfig config,
            MeterRegistry registry,
            String version,
            Optional<ClusterConfig> cluster) {
        if (cluster.isPresent() && config.tlsDirectory().isPresent()) {
            throw new MeshException(
                    ErrorReason.INVALID_REQUEST,
                    "abmesh.coordinator.tls-directory is not for a cluster, on which the"
                            + " coordinator issues its own certificate: found="
                            + config.tlsDirectory().get());
        }
        CoordinatorProcess process = new CoordinatorProcess(config);
        try {
            process.open(registry, version, cluster);
            return process;
        } catch (RuntimeException e) {
            process.close();
            throw e;
        }
    }

    private void open(
            MeterRegistry registry, String version, Optional<ClusterConfig> clusterConfig) {
        Clock clock = Clock.systemUTC();
        Optional<ClusterConnection> connection =
                clusterConfig.map(c -> ClusterConnection.open(c, clock));
        connection.ifPresent(opened -> stops.push(opened::close));
        MeshSecurity security =
                connection
                        .map(ClusterConnection::security)
                        .orElseGet(
                                () -> MeshSecurity.of(MeshRole.COORDINATOR, config.tlsDirectory()));
        stops.push(security::close);
        RunStore store = RunStore.open(config.storeDirectory(), clock, new SecureRandom());
        stops.push(store::close);
        Loop loop = new Loop();
        int parallel = maxParallelRuns(clusterConfig.isPresent());
        ExecutorService beside = beside(parallel);
        LazyBatches batches = new LazyBatches(batchMemory());
        StepTracing tracing = StepTracing.fromEnvironment(System.getenv(), "abmesh-coordinator");
        stops.push(tracing::close);
        ObjectStore objects = objects();
        stops.push(objects::close);
        Optional<ResultDelivery> delivery = delivery(objects, loop, clock);
        // A laptop's sleep, or a correction of its time, is no worker's silence.
        Clock elapsed = new MonotonicClock();
        Runs known =
                new Runs(
                        new SharedParts(
                                loop,
                                store,
                                batches,
                                new Datasets(cache(objects, clock)),
                                beside,
                                clock,
                                elapsed,
                                security,
                                new Runs.Settings(
                                        parallel,
                                        config.evaluationBatch(),
                                        config.describeDeadline(),
                                        config.stallTimeout(),
                                        config.positionDeadline(),
                                        config.progressDeadline(),
                                        new StepSampling(tracing, config.traceEverySteps()))),
                        delivery,
                        new CoordinatorMeters(registry));
        runs = known;
        stops.push(known::close);
        stops.push(loop::close);
        stops.push(beside::shutdownNow);
        delivery.ifPresent(results -> stops.push(results::close));
        ResponseSender sender = new ResponseSender("coordinator", config.stallTimeout());
        stops.push(sender::close);
        BlockingCalls checks = new BlockingCalls("plans");
        stops.push(checks::close);
        AssignmentGrpcService students =
                new AssignmentGrpcService(
                        loop,
                        known.workerListener(),
                        new StoredArtifacts(
                                id -> checked(known.record(id).folder()),
                                id -> known.record(id).epoch()),
                        elapsed,
                        config.lease(),
                        version);
        MembershipGrpcService teachers =
                new MembershipGrpcService(
                        loop, known.workerListener(), elapsed, config.lease(), version, security);
        List<BindableService> services =
                new ArrayList<>(
                        List.of(
                                new RunGrpcService(known, loop, checks, sender),
                                new BatchGrpcService(
                                        batches,
                                        sender,
                                        id ->
                                                known.find(id)
                                                        .ifPresent(run -> checked(run.folder()))),
                                students,
                                teachers));
        Optional<ClusterProcess> cluster =
                connection.map(
                        opened -> ClusterProcess.open(opened, known, checks, parallel, clock));
        cluster.ifPresent(
                opened -> {
                    stops.push(opened::close);
                    services.add(opened.service());
                });
        MeshServer started =
                MeshServer.start(
                        "coordinator",
                        security,
                        config.host(),
                        config.grpcPort(),
                        RPC_THREADS,
                        services);
        server = started;
        stops.push(() -> started.stop(config.stopGrace()));
        loop.every(
                config.lease().dividedBy(BEATS),
                () -> {
                    students.beat();
                    teachers.beat();
                    known.beat();
                    known.measure();
                });
        started.serving();
        known.start(HostPort.of(config.advertisedHost().orElse(config.host()), started.port()));
        cluster.ifPresent(ClusterProcess::start);
        LOG.infof(
                "Coordinator serves address=%s store=%s runs=%d",
                started.address(), config.storeDirectory(), store.runs().size());
    }

    /** Returns a run's folder to a caller that works for the run. */
    private static RunFolder checked(RunFolder folder) {
        if (!Caller.run().map(folder.requestId()::equals).orElse(true)) {
            throw new MeshException(
                    ErrorReason.ROLE_NOT_ALLOWED,
                    "caller works for another run: found=%s, expected=%s"
                            .formatted(Caller.run().orElseThrow(), folder.requestId()));
        }
        return folder;
    }

    private int maxParallelRuns(boolean onCluster) {
        int runs =
                config.maxParallelRuns()
                        .orElse(
                                onCluster
                                        ? CoordinatorConfig.PARALLEL_RUNS_OF_A_CLUSTER
                                        : CoordinatorConfig.PARALLEL_RUNS);
        if (runs < 1 || runs > CoordinatorConfig.MOST_PARALLEL_RUNS) {
            throw new MeshException(
                    ErrorReason.INVALID_REQUEST,
                    "abmesh.coordinator.max-parallel-runs is out of range: found="
                            + runs
                            + ", expected=1 to "
                            + CoordinatorConfig.MOST_PARALLEL_RUNS);
        }
        return runs;
    }

    private BatchMemory batchMemory() {
        long bytes = config.batchMemory().asLongValue();
        if (bytes < LEAST_BATCH_BYTES) {
            throw new MeshException(
                    ErrorReason.INVALID_REQUEST,
                    "abmesh.coordinator.batch-memory is too small: found="
                            + bytes
                            + " bytes, expected at least="
                            + LEAST_BATCH_BYTES);
        }
        return new BatchMemory(bytes);
    }

    private static ObjectStore objects() {
        try {
            return ObjectStore.ofEnvironment();
        } catch (ObjectException e) {
            throw new MeshException(ErrorReason.INVALID_REQUEST, String.valueOf(e.getMessage()));
        }
    }

    private ObjectCache cache(ObjectStore objects, Clock clock) {
        return new ObjectCache(
                config.objectCacheDirectory().orElseGet(ObjectCache::ofUser),
                objects,
                config.objectCacheMaxSize()
                        .map(MemorySize::asLongValue)
                        .orElse(ObjectCache.MAX_BYTES),
                clock);
    }

    private Optional<ResultDelivery> delivery(ObjectStore objects, Loop loop, Clock clock) {
        try {
            return config.resultsLocation()
                    .map(ObjectAddress::parse)
                    .map(location -> new ResultDelivery(location, objects, loop, clock));
        } catch (ObjectException e) {
            throw new MeshException(
                    ErrorReason.INVALID_REQUEST,
                    "abmesh.coordinator.results-location: " + e.getMessage());
        }
    }

    private static ExecutorService beside(int parallelRuns) {
        return Executors.newFixedThreadPool(
                BESIDE_THREADS + parallelRuns, new DefaultThreadFactory("coordinator-aside", true));
    }

    /** Returns the port of the gRPC server. */
    public int grpcPort() {
        if (server == null) {
            throw new IllegalStateException("not started");
        }
        return server.port();
    }

    /** Returns the runs. */
    public Runs runs() {
        if (runs == null) {
            throw new IllegalStateException("not started");
        }
        return runs;
    }

    /** Refuses new calls, lets open ones end, frees everything; runs go on at the next start. */
    @Override
    public void close() {
        while (!stops.isEmpty()) {
            stops.pop().run();
        }
    }
}
