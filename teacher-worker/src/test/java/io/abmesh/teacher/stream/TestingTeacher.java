package io.abmesh.teacher.stream;

import io.abmesh.proto.error.ErrorInterceptor;
import io.abmesh.proto.trace.StepTracing;
import io.abmesh.proto.transport.ResponseSender;
import io.abmesh.teacher.batch.HeldBatches;
import io.abmesh.teacher.cache.BoundaryCache;
import io.abmesh.teacher.meter.TeacherMeters;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/** The services of a teacher-worker with a {@link TestingTeacherEngine}, without a port. */
final class TestingTeacher implements AutoCloseable {
    static final int CHUNK = 4;

    final TestingTeacherEngine engine = new TestingTeacherEngine();
    final HeldBatches held = new HeldBatches();
    final AtomicBoolean drain = new AtomicBoolean();
    final TeacherMeters meters;
    final ManagedChannel channel;
    private final ExecutorService compute = Executors.newSingleThreadExecutor();
    private final ResponseSender sender = new ResponseSender("test", Duration.ofSeconds(10));
    private final Server server;

    TestingTeacher(BoundaryCache cache, long heldBytes, int maxStreams) {
        meters = new TeacherMeters(new SimpleMeterRegistry(), heldBytes, cache::sizeBytes);
        TeacherHost host =
                new TeacherHost(
                        "teacher-0",
                        engine,
                        cache,
                        held,
                        meters,
                        StepTracing.off(),
                        new StreamLimits(maxStreams, heldBytes, CHUNK),
                        compute,
                        drain);
        String name = InProcessServerBuilder.generateName();
        try {
            server =
                    InProcessServerBuilder.forName(name)
                            .intercept(new ErrorInterceptor())
                            .addService(new TeacherGrpcService(host, "1"))
                            .addService(new BatchGrpcService(host, sender))
                            .build()
                            .start();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        channel = InProcessChannelBuilder.forName(name).build();
    }

    /** Waits until what was given to the computing thread so far is done. */
    void awaitCompute() throws Exception {
        compute.submit(() -> {}).get(10, TimeUnit.SECONDS);
    }

    @Override
    public void close() {
        channel.shutdownNow();
        server.shutdownNow();
        compute.shutdownNow();
        sender.close();
    }
}
