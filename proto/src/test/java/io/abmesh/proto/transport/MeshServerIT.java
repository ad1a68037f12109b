package io.abmesh.proto.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.frame.BatchFetcher;
import io.abmesh.proto.frame.Tensor;
import io.abmesh.proto.v1.BatchServiceGrpc;
import io.abmesh.proto.v1.FetchBatchRequest;
import io.abmesh.proto.v1.FetchBatchResponse;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.ClientResponseObserver;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class MeshServerIT {
    /** How long a client may be slow, except where that is what is tested. */
    private static final Duration STALL = Duration.ofMinutes(5);

    private static final Duration DEADLINE = Duration.ofSeconds(60);

    private ResponseSender sender;
    private TestingBatchService service;
    private MeshServer server;
    private ManagedChannel channel;

    @BeforeEach
    void start() {
        start(STALL);
    }

    private void start(Duration stall) {
        sender = new ResponseSender("test", stall);
        service = new TestingBatchService(sender);
        server = MeshServer.start("test", "127.0.0.1", 0, 2, List.of(service));
        channel = MeshChannels.open("client", server.address());
    }

    @AfterEach
    void stop() {
        channel.shutdownNow();
        MeshChannels.close(channel, Duration.ofSeconds(1));
        server.stop(Duration.ZERO);
        sender.close();
    }

    @Test
    void fetchesManyFramesWhole() {
        Map<String, Tensor> tensors = fetch("12");

        assertThat(tensors.get("image").bytes().remaining())
                .isEqualTo(12 * TestingBatchService.FRAME_BYTES);
        assertThat(service.produced).hasValue(12);
    }

    @Test
    void givesUpAClientThatNeverReadsAndProducesNoMoreThanFitsTheWindow() throws Exception {
        stop();
        start(Duration.ofMillis(300));
        BlockingQueue<Throwable> errors = new LinkedBlockingQueue<>();
        BlockingQueue<ClientCallStreamObserver<?>> calls = new LinkedBlockingQueue<>();
        BatchServiceGrpc.newStub(channel)
                .withDeadlineAfter(60, TimeUnit.SECONDS)
                .fetchBatch(request("64"), new SilentReader(calls, errors, new Semaphore(0)));
        ClientCallStreamObserver<?> call = calls.take();

        assertThat(service.ended.await(60, TimeUnit.SECONDS)).isTrue();
        // The window, the queue below the threshold and one message beyond it; the rest was never
        // made.
        assertThat(service.produced.get()).isBetween(1, 6);

        call.request(Integer.MAX_VALUE);
        Throwable error = errors.poll(60, TimeUnit.SECONDS);
        MeshException failure = ErrorStatuses.fromThrowable(error);
        assertThat(failure.reason()).isEqualTo(ErrorReason.CLIENT_TOO_SLOW);
        assertThat(failure).hasMessage("client does not read: waited=PT0.3S");
    }

    @Test
    void endsTheAnswerWhenTheClientCancels() throws Exception {
        Semaphore arrived = new Semaphore(0);
        BlockingQueue<ClientCallStreamObserver<?>> calls = new LinkedBlockingQueue<>();
        BatchServiceGrpc.newStub(channel)
                .fetchBatch(
                        request("64"),
                        new SilentReader(calls, new LinkedBlockingQueue<>(), arrived));

        ClientCallStreamObserver<?> call = calls.take();
        assertThat(arrived.tryAcquire(60, TimeUnit.SECONDS)).isTrue();
        call.cancel("enough", null);

        assertThat(service.ended.await(60, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void refusesAMessageOverTheLimitByName() {
        FetchBatchRequest large = request("x".repeat(Limits.MAX_MESSAGE_BYTES + 1));

        StatusRuntimeException refusal =
                catchThrowableOfType(StatusRuntimeException.class, () -> call(large));

        assertThat(refusal.getStatus().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
        assertThat(ErrorStatuses.fromThrowable(refusal).reason())
                .isEqualTo(ErrorReason.MESSAGE_TOO_LARGE);
        assertThat(fetch("1")).hasSize(1);
    }

    @Test
    void refusesBytesThatAreNoMessageByName() {
        MethodDescriptor<String, FetchBatchResponse> raw =
                BatchServiceGrpc.getFetchBatchMethod().toBuilder(
                                new AsciiBytes(),
                                BatchServiceGrpc.getFetchBatchMethod().getResponseMarshaller())
                        .build();

        StatusRuntimeException refusal =
                catchThrowableOfType(
                        StatusRuntimeException.class,
                        () ->
                                ClientCalls.blockingServerStreamingCall(
                                                channel, raw, CallOptions.DEFAULT, "garbage")
                                        .hasNext());

        assertThat(refusal.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        MeshException failure = ErrorStatuses.fromThrowable(refusal);
        assertThat(failure.reason()).isEqualTo(ErrorReason.INVALID_REQUEST);
        assertThat(failure).hasMessageStartingWith("message cannot be read: ");
        assertThat(fetch("1")).hasSize(1);
    }

    @Test
    void endsTheAnswerWhenTheServiceBreaks() throws Exception {
        MeshException broken = failure(TestingBatchService.BREAKS);

        assertThat(broken.reason()).isEqualTo(ErrorReason.INTERNAL);
        assertThat(broken.getMessage()).matches("internal error: id=[0-9a-f-]{36}");
        assertThat(service.ended.await(60, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void namesErrorsThatServicesThrowOrSend() {
        assertThat(failure("named"))
                .extracting(MeshException::reason, MeshException::getMessage)
                .containsExactly(ErrorReason.BATCH_NOT_FOUND, "no such batch");
        assertThat(failure("thrown"))
                .extracting(MeshException::reason, MeshException::getMessage)
                .containsExactly(ErrorReason.STALE_EPOCH, "old");
    }

    @Test
    void hidesWhatIsNotNamedBehindAnId() {
        MeshException failure = failure("unnamed");

        assertThat(failure.reason()).isEqualTo(ErrorReason.INTERNAL);
        assertThat(failure.getMessage())
                .matches("internal error: id=[0-9a-f-]{36}")
                .doesNotContain("secret");
    }

    @Test
    void saysInOneLineThatThePortIsInUse() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            int port = taken.getLocalPort();

            MeshException failure =
                    catchThrowableOfType(
                            MeshException.class,
                            () -> MeshServer.start("t", "127.0.0.1", port, 1, List.of()));

            assertThat(failure.reason()).isEqualTo(ErrorReason.ADDRESS_UNAVAILABLE);
            assertThat(failure)
                    .hasMessage(
                            "cannot listen: address=127.0.0.1:"
                                    + port
                                    + ", cause=Address already in use");
        }
    }

    @Test
    void isHealthyOnlyWhileItServes() {
        assertThat(health()).isEqualTo(ServingStatus.NOT_SERVING);
        server.serving();
        assertThat(health()).isEqualTo(ServingStatus.SERVING);
    }

    @Test
    void unreachableServerIsATransportError() {
        server.stop(Duration.ZERO);

        assertThat(failure("1").reason()).isEqualTo(ErrorReason.TRANSPORT_UNAVAILABLE);
    }

    private ServingStatus health() {
        return HealthGrpc.newBlockingStub(channel)
                .withDeadlineAfter(60, TimeUnit.SECONDS)
                .check(
                        HealthCheckRequest.newBuilder()
                                .setService(BatchServiceGrpc.SERVICE_NAME)
                                .build())
                .getStatus();
    }

    private MeshException failure(String batchId) {
        return catchThrowableOfType(MeshException.class, () -> fetch(batchId));
    }

    private Map<String, Tensor> fetch(String batchId) {
        return BatchFetcher.fetch(channel, request(batchId), 1 << 30, DEADLINE);
    }

    private void call(FetchBatchRequest request) {
        BatchServiceGrpc.newBlockingStub(channel)
                .withDeadlineAfter(60, TimeUnit.SECONDS)
                .fetchBatch(request)
                .forEachRemaining(response -> {});
    }

    private static FetchBatchRequest request(String batchId) {
        return FetchBatchRequest.newBuilder().setBatchId(batchId).build();
    }

    /** Sends text where a message should be. */
    private static final class AsciiBytes implements MethodDescriptor.Marshaller<String> {
        @Override
        public InputStream stream(String text) {
            return new ByteArrayInputStream(text.getBytes(StandardCharsets.US_ASCII));
        }

        @Override
        public String parse(InputStream bytes) {
            throw new UnsupportedOperationException("only sends");
        }
    }

    /** Asks for one message and no more. */
    private record SilentReader(
            BlockingQueue<ClientCallStreamObserver<?>> calls,
            BlockingQueue<Throwable> errors,
            Semaphore arrived)
            implements ClientResponseObserver<FetchBatchRequest, FetchBatchResponse> {
        @Override
        public void beforeStart(ClientCallStreamObserver<FetchBatchRequest> call) {
            call.disableAutoRequestWithInitial(1);
            calls.add(call);
        }

        @Override
        public void onNext(FetchBatchResponse response) {
            arrived.release();
        }

        @Override
        public void onError(Throwable cause) {
            errors.add(cause);
        }

        @Override
        public void onCompleted() {}
    }
}
