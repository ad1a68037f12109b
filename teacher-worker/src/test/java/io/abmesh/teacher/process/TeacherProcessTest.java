package io.abmesh.teacher.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.abmesh.nn.teacher.TapCandidate;
import io.abmesh.nn.teacher.TeacherDescription;
import io.abmesh.nn.teacher.TeacherEngine;
import io.abmesh.nn.teacher.TeacherSession;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class TeacherProcessTest {
    @Test
    void nothingListensAfterAStartThatFailed() throws Exception {
        int port = freePort();

        MeshException failure =
                catchThrowableOfType(
                        MeshException.class,
                        () ->
                                TeacherProcess.start(
                                        TeacherConfigTest.config(
                                                Map.of(
                                                        "model",
                                                        TeacherWorkerProcess.wrn().toString(),
                                                        "grpc-port",
                                                        Integer.toString(port),
                                                        "coordinator-address",
                                                        "elsewhere.example:7000")),
                                        new SimpleMeterRegistry(),
                                        "1"));

        assertThat(failure.reason()).isEqualTo(ErrorReason.TLS_REQUIRED);
        try (ServerSocket again = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
            assertThat(again.isBound()).isTrue();
        }
    }

    @Test
    void theModelIsClosedOnlyIfNothingComputes() throws Exception {
        TestingEngine engine = new TestingEngine();
        CountDownLatch busy = new CountDownLatch(1);
        CountDownLatch done = new CountDownLatch(1);
        ExecutorService compute = Executors.newSingleThreadExecutor();
        compute.execute(
                () -> {
                    busy.countDown();
                    awaitUninterruptibly(done);
                });
        busy.await();

        TeacherProcess.closeBehind(compute, engine);
        assertThat(engine.closed).isFalse();

        done.countDown();
        assertThat(compute.awaitTermination(60, TimeUnit.SECONDS)).isTrue();
        TeacherProcess.closeBehind(compute, engine);
        assertThat(engine.closed).isTrue();
    }

    private static void awaitUninterruptibly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static int freePort() throws Exception {
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return free.getLocalPort();
        }
    }

    /** An engine that knows whether it is closed. */
    private static final class TestingEngine implements TeacherEngine {
        private boolean closed;

        @Override
        public TeacherDescription describe() {
            throw new UnsupportedOperationException("not asked for");
        }

        @Override
        public TeacherDescription describe(List<Long> imageShape) {
            throw new UnsupportedOperationException("not asked for");
        }

        @Override
        public TapCandidate resolve(String source) {
            throw new UnsupportedOperationException("not asked for");
        }

        @Override
        public TeacherSession open(List<String> sources, boolean logits, List<Long> imageShape) {
            throw new UnsupportedOperationException("not asked for");
        }

        @Override
        public void close() {
            closed = true;
        }
    }
}
