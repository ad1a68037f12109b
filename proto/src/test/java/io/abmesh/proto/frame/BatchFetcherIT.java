package io.abmesh.proto.frame;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.protobuf.ByteString;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.transport.MeshChannels;
import io.abmesh.proto.transport.MeshServer;
import io.abmesh.proto.v1.BatchServiceGrpc;
import io.abmesh.proto.v1.Encoding;
import io.abmesh.proto.v1.FetchBatchRequest;
import io.abmesh.proto.v1.FetchBatchResponse;
import io.abmesh.proto.v1.TensorFrame;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.ServerServiceDefinition;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.ServerCalls;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Fetches over a network from servers that are not ours. */
class BatchFetcherIT {
    private static final String BATCH = "7";
    private static final byte[] IMAGE = random(3 * (1 << 20) + 5);

    private final CountDownLatch cancelled = new CountDownLatch(1);
    private MeshServer server;
    private ManagedChannel channel;

    @AfterEach
    void stop() {
        channel.shutdownNow();
        MeshChannels.close(channel, Duration.ofSeconds(1));
        server.stop(Duration.ZERO);
    }

    @Test
    void takesTheAnswersOfAnyProgram() {
        RandomAnswers answers = new RandomAnswers(1);
        List<ByteString> messages = messages(answers::rewritten);
        serve(answer -> send(answer, messages));

        assertThat(bytesOf(fetch().get("image"))).isEqualTo(IMAGE);
    }

    @Test
    void takesCompressedAnswers() {
        serve(
                answer -> {
                    answer.setCompression("gzip");
                    send(answer, messages());
                });

        assertThat(bytesOf(fetch().get("image"))).isEqualTo(IMAGE);
    }

    @Test
    void endsTheCallAtAnAnswerThatIsNoFrame() throws Exception {
        List<ByteString> messages = messages();
        ByteString second = messages.get(1);
        serve(
                answer -> {
                    answer.onNext(messages.get(0));
                    answer.onNext(second.substring(0, second.size() - 1));
                });

        MeshException refusal = catchThrowableOfType(MeshException.class, this::fetch);

        assertThat(refusal.reason()).isEqualTo(ErrorReason.CHECKSUM_MISMATCH);
        assertThat(refusal).hasMessageStartingWith("answer is no frame: batch=7, cause=");
        assertThat(cancelled.await(60, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void endsTheCallAtAFrameThatDoesNotFit() throws Exception {
        List<ByteString> messages = messages();
        serve(
                answer -> {
                    answer.onNext(messages.get(0));
                    answer.onNext(messages.get(2));
                });

        MeshException refusal = catchThrowableOfType(MeshException.class, this::fetch);

        assertThat(refusal.reason()).isEqualTo(ErrorReason.FRAME_OUT_OF_ORDER);
        assertThat(cancelled.await(60, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void endsTheCallWhenItsThreadIsInterrupted() throws Exception {
        serve(answer -> answer.onNext(messages().get(0)));
        Thread.currentThread().interrupt();

        MeshException failure = catchThrowableOfType(MeshException.class, this::fetch);

        assertThat(Thread.interrupted()).isTrue();
        assertThat(failure.reason()).isEqualTo(ErrorReason.CANCELLED);
    }

    private Map<String, Tensor> fetch() {
        return BatchFetcher.fetch(
                channel,
                FetchBatchRequest.newBuilder().setBatchId(BATCH).build(),
                IMAGE.length,
                Duration.ofSeconds(20));
    }

    /** Serves messages as they are given, whatever they are. */
    private void serve(Consumer<ServerCallStreamObserver<ByteString>> service) {
        MethodDescriptor<FetchBatchRequest, FetchBatchResponse> method =
                BatchServiceGrpc.getFetchBatchMethod();
        ServerServiceDefinition definition =
                ServerServiceDefinition.builder(BatchServiceGrpc.SERVICE_NAME)
                        .addMethod(
                                method.toBuilder(method.getRequestMarshaller(), new Bytes())
                                        .build(),
                                ServerCalls.asyncServerStreamingCall(
                                        (request, observer) -> {
                                            ServerCallStreamObserver<ByteString> answer =
                                                    (ServerCallStreamObserver<ByteString>) observer;
                                            answer.setOnCancelHandler(cancelled::countDown);
                                            service.accept(answer);
                                        }))
                        .build();
        server = MeshServer.start("test", "127.0.0.1", 0, 1, List.of(() -> definition));
        channel = MeshChannels.open("client", server.address());
    }

    private static void send(
            ServerCallStreamObserver<ByteString> answer, List<ByteString> messages) {
        messages.forEach(answer::onNext);
        answer.onCompleted();
    }

    private static List<ByteString> messages() {
        return messages(
                frame -> FetchBatchResponse.newBuilder().setFrame(frame).build().toByteString());
    }

    private static List<ByteString> messages(Function<TensorFrame, ByteString> encoder) {
        List<ByteString> messages = new ArrayList<>();
        TensorFrames.split(
                        BATCH,
                        TensorFrames.describe(
                                "image", List.of((long) IMAGE.length), Encoding.ENCODING_UINT8),
                        ByteBuffer.wrap(IMAGE))
                .forEachRemaining(frame -> messages.add(encoder.apply(frame)));
        return messages;
    }

    private static byte[] bytesOf(Tensor tensor) {
        byte[] bytes = new byte[tensor.bytes().remaining()];
        tensor.bytes().get(bytes);
        return bytes;
    }

    private static byte[] random(int size) {
        byte[] bytes = new byte[size];
        new Random(size).nextBytes(bytes);
        return bytes;
    }

    /** A message is its bytes. */
    private static final class Bytes implements MethodDescriptor.Marshaller<ByteString> {
        @Override
        public InputStream stream(ByteString value) {
            return new ByteArrayInputStream(value.toByteArray());
        }

        @Override
        public ByteString parse(InputStream stream) {
            throw new UnsupportedOperationException("the server sends and does not read");
        }
    }
}
