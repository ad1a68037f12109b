package io.abmesh.teacher.stream;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.proto.error.ErrorInterceptor;
import io.abmesh.proto.trace.StepTracing;
import io.abmesh.proto.transport.ResponseSender;
import io.abmesh.teacher.batch.HeldBatches;
import io.abmesh.teacher.cache.BoundaryCache;
import io.abmesh.teacher.meter.TeacherMeters;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/** The services of a teacher-worker with a {@link TestingTeacherEngine}, without a port. */
final class TestingTeacher implements AutoCloseable {
    static final int CHUNK = 4;

    final TestingTeacherEngine engine = new TestingTeacherEngine();
    final HeldBatches held = new HeldBatches();
    final TestingTimer timer = new TestingTimer();
    final AtomicBoolean drain = new AtomicBoolean();
    final TeacherMeters meters;
    final ManagedChannel channel;
    private final ExecutorService compute = Executors.newSingleThreadExecutor();
    private final ResponseSender sender = new ResponseSender("test", Duration.ofSeconds(10));
    private final Server server;
    private final Semaphore ends = new Semaphore(0);
    private final Semaphore given = new Semaphore(0);

    TestingTeacher(BoundaryCache cache, long heldBytes, int maxStreams) {
        this(cache, heldBytes, maxStreams, "1");
    }

    TestingTeacher(BoundaryCache cache, long heldBytes, int maxStreams, String version) {
        meters = new TeacherMeters(new SimpleMeterRegistry(), heldBytes, cache::sizeBytes);
        TeacherHost host =
                new TeacherHost(
                        "teacher-0",
                        version,
                        engine,
                        cache,
                        held,
                        meters,
                        StepTracing.off(),
                        new StreamLimits(maxStreams, heldBytes, CHUNK, Duration.ofSeconds(30)),
                        this::compute,
                        timer,
                        drain);
        String name = InProcessServerBuilder.generateName();
        try {
            server =
                    InProcessServerBuilder.forName(name)
                            .intercept(new ErrorInterceptor())
                            .intercept(new Ends())
                            .addService(ErrorInterceptor.unparsed(new TeacherGrpcService(host)))
                            .addService(
                                    ErrorInterceptor.unparsed(new BatchGrpcService(host, sender)))
                            .build()
                            .start();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        channel = InProcessChannelBuilder.forName(name).build();
    }

    /** Waits until what was given to the computing thread so far is done. */
    void awaitCompute() throws Exception {
        compute.submit(() -> {}).get(60, TimeUnit.SECONDS);
    }

    private void compute(Runnable task) {
        compute.execute(task);
        given.release();
    }

    /** Waits until a task more was given to the computing thread. */
    void awaitTask() throws InterruptedException {
        assertThat(given.tryAcquire(60, TimeUnit.SECONDS))
                .as("a task withwithin a minute")
                .isTrue();
    }

    /** Holds the computing thread until what it returns is released. */
    Semaphore holdCompute() {
        Semaphore released = new Semaphore(0);
        compute.execute(released::acquireUninterruptibly);
        return released;
    }

    /** Waits until a call more has been closed and its service has been told. */
    void awaitEnd() throws InterruptedException {
        assertThat(ends.tryAcquire(60, TimeUnit.SECONDS)).as("an end withwithin a minute").isTrue();
    }

    private final class Ends implements ServerInterceptor {
        @Override
        public <Q, A> ServerCall.Listener<Q> interceptCall(
                ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
            return new SimpleForwardingServerCallListener<>(next.startCall(call, headers)) {
                @Override
                public void onComplete() {
                    super.onComplete();
                    ends.release();
                }

                @Override
                public void onCancel() {
                    super.onCancel();
                    ends.release();
                }
            };
        }
    }

    @Override
    public void close() {
        channel.shutdownNow();
        server.shutdownNow();
        compute.shutdownNow();
        timer.shutdownNow();
        sender.close();
    }
}
