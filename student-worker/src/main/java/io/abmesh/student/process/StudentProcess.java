package io.abmesh.student.process;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.identity.MeshRole;
import io.abmesh.proto.trace.StepTracing;
import io.abmesh.proto.transport.HostPort;
import io.abmesh.proto.transport.MeshChannels;
import io.abmesh.proto.transport.MeshSecurity;
import io.abmesh.proto.transport.MeshServer;
import io.abmesh.proto.transport.ResponseSender;
import io.abmesh.proto.v1.StudentJoin;
import io.abmesh.student.exchange.ExchangeGrpcService;
import io.abmesh.student.exchange.ExchangeSettings;
import io.abmesh.student.exchange.StudentExchanges;
import io.abmesh.student.fetch.ChannelBatchSource;
import io.abmesh.student.fetch.FetchSettings;
import io.abmesh.student.meter.StudentMeters;
import io.abmesh.student.run.RunnerSettings;
import io.abmesh.student.run.StudentRunner;
import io.grpc.ManagedChannel;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/** The parts of a running student-worker, started in order and stopped in reverse. */
public final class StudentProcess implements AutoCloseable {
    private static final Logger LOG = Logger.getLogger(StudentProcess.class);
    private static final int RPC_THREADS = 2;

    /** A student of 80 million parameters, with velocities and statistics. */
    private static final long MAX_STATE_BYTES = 1L << 30;

    private static final Duration CHANNEL_GRACE = Duration.ofSeconds(1);

    private final StudentConfig config;
    private final Deque<Runnable> stops = new ArrayDeque<>();
    private @Nullable MeshServer server;
    private @Nullable StudentRunner runner;

    private StudentProcess(StudentConfig config) {
        this.config = config;
    }

    /**
     * Starts to work.
     *
     * @param versions of what computes, for provenance; {@code abmesh} is the program's own
     * @throws MeshException INVALID_REQUEST for a wrong configuration (all problems) or a
     *     checkpoint folder that cannot be made, CERTIFICATE_UNUSABLE, TLS_REQUIRED, STORE_FULL,
     *     ADDRESS_UNAVAILABLE; nothing is left running then
     */
    public static StudentProcess start(
            StudentConfig config, MeterRegistry registry, Map<String, String> versions) {
        List<String> problems = ConfigRules.problems(config);
        if (!problems.isEmpty()) {
            throw new MeshException(ErrorReason.INVALID_REQUEST, String.join("; ", problems));
        }
        StudentProcess process = new StudentProcess(config);
        try {
            process.open(registry, versions);
            return process;
        } catch (RuntimeException e) {
            process.close();
            throw e;
        }
    }

    private void open(MeterRegistry registry, Map<String, String> versions) {
        MeshSecurity security = MeshSecurity.of(MeshRole.STUDENT, config.tlsDirectory());
        stops.push(security::close);
        StudentExchanges exchanges =
                new StudentExchanges(
                        security,
                        new ExchangeSettings(
                                config.peerTimeout(),
                                config.peerTimeout(),
                                config.peerTimeout(),
                                MAX_STATE_BYTES));
        stops.push(exchanges::close);
        ResponseSender sender = new ResponseSender("student", config.peerTimeout());
        stops.push(sender::close);
        MeshServer listening =
                MeshServer.start(
                        "student",
                        security,
                        config.host(),
                        config.grpcPort(),
                        RPC_THREADS,
                        List.of(new ExchangeGrpcService(exchanges, sender)));
        server = listening;
        stops.push(() -> listening.stop(Duration.ZERO));
        ManagedChannel coordinator =
                MeshChannels.open(
                        "student-work",
                        config.coordinatorAddress(),
                        security,
                        MeshRole.COORDINATOR);
        stops.push(() -> MeshChannels.close(coordinator, CHANNEL_GRACE));
        ChannelBatchSource batches = new ChannelBatchSource(security, config.fetchDeadline());
        stops.push(batches::close);
        StepTracing tracing = StepTracing.fromEnvironment(System.getenv(), "abmesh-student-worker");
        stops.push(tracing::close);
        int threads = config.threads().orElse(Runtime.getRuntime().availableProcessors());
        StudentRunner working =
                StudentRunner.start(
                        coordinator,
                        batches,
                        exchanges,
                        join(listening, threads, versions),
                        new RunnerSettings(
                                config.checkpointDirectory(),
                                config.checkpointsKept(),
                                config.exportDirectory()
                                        .orElse(config.checkpointDirectory().resolve("export")),
                                new FetchSettings(
                                        config.prefetchMemory().asLongValue(),
                                        config.fetchThreads(),
                                        config.batchTimeout()),
                                config.stopGrace(),
                                versions),
                        new StudentMeters(registry),
                        tracing);
        runner = working;
        stops.push(working::close);
        listening.serving();
        LOG.infof(
                "Student is ready worker=%s address=%s coordinator=%s threads=%d",
                config.workerId(), listening.address(), config.coordinatorAddress(), threads);
    }

    private StudentJoin join(MeshServer listening, int threads, Map<String, String> versions) {
        return StudentJoin.newBuilder()
                .setWorkerId(config.workerId())
                .setVersion(versions.getOrDefault("abmesh", ""))
                .setThreads(threads)
                .setPlatform(versions.getOrDefault("platform", ""))
                .setPrefetch(config.prefetch())
                .setAddress(
                        HostPort.of(
                                config.advertisedHost().orElse(config.host()), listening.port()))
                .setRunRequestId(config.run().orElse(""))
                .build();
    }

    /** Port of the gRPC server. */
    public int grpcPort() {
        if (server == null) {
            throw new IllegalStateException("not started");
        }
        return server.port();
    }

    /** Completes when the coordinator refuses this worker for good. */
    public CompletableFuture<MeshException> refusal() {
        if (runner == null) {
            throw new IllegalStateException("not started");
        }
        return runner.refusal();
    }

    /** Completes when nobody computes any more, by an error. */
    CompletableFuture<Throwable> broken() {
        if (runner == null) {
            throw new IllegalStateException("not started");
        }
        return runner.broken();
    }

    /** Finishes the step in hand, leaves, publishes a checkpoint, frees everything. */
    @Override
    public void close() {
        boolean started = runner != null;
        while (!stops.isEmpty()) {
            stops.pop().run();
        }
        if (started) {
            LOG.infof("Student has stopped worker=%s", config.workerId());
        }
    }
}
