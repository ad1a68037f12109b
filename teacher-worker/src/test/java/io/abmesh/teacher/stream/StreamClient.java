package io.abmesh.teacher.stream;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.frame.TensorFrames;
import io.abmesh.proto.v1.BatchHeader;
import io.abmesh.proto.v1.BatchRelease;
import io.abmesh.proto.v1.Encoding;
import io.abmesh.proto.v1.StreamBatchesRequest;
import io.abmesh.proto.v1.StreamBatchesResponse;
import io.abmesh.proto.v1.StreamOpen;
import io.abmesh.proto.v1.StreamOpened;
import io.abmesh.proto.v1.TeacherServiceGrpc;
import io.abmesh.proto.v1.TensorFrame;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.ClientResponseObserver;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A client of StreamBatches for tests: sends what it is told, also what it must not, and waits for
 * answers.
 */
final class StreamClient
        implements ClientResponseObserver<StreamBatchesRequest, StreamBatchesResponse> {
    /** More answers than a test has. */
    private static final int ALL = 1 << 20;

    private static final Object COMPLETED = new Object();
    private static final StreamBatchesRequest GARBAGE =
            StreamBatchesRequest.newBuilder()
                    .setRelease(BatchRelease.newBuilder().setBatchId("garbage"))
                    .build();

    private static final MethodDescriptor<StreamBatchesRequest, StreamBatchesResponse> METHOD =
            TeacherServiceGrpc.getStreamBatchesMethod();

    private final BlockingQueue<Object> answers = new LinkedBlockingQueue<>();
    private final int reads;
    private @Nullable ClientCallStreamObserver<StreamBatchesRequest> call;

    /** A client that reads whatever comes. */
    StreamClient(ManagedChannel channel) {
        this(channel, ALL);
    }

    /** A client that reads so many answers. */
    StreamClient(ManagedChannel channel, int reads) {
        this.reads = reads;
        var unused =
                ClientCalls.asyncBidiStreamingCall(
                        channel.newCall(
                                METHOD.toBuilder(new Requests(), METHOD.getResponseMarshaller())
                                        .build(),
                                CallOptions.DEFAULT),
                        this);
    }

    /** Writes messages, and in place of one of them bytes that are none. */
    private static final class Requests
            implements MethodDescriptor.Marshaller<StreamBatchesRequest> {
        @Override
        public InputStream stream(StreamBatchesRequest message) {
            return message.equals(GARBAGE)
                    ? new ByteArrayInputStream(new byte[] {0x0a, 0x7f, 0x01})
                    : METHOD.streamRequest(message);
        }

        @Override
        public StreamBatchesRequest parse(InputStream bytes) {
            return METHOD.parseRequest(bytes);
        }
    }

    @Override
    public void beforeStart(ClientCallStreamObserver<StreamBatchesRequest> started) {
        call = started;
        started.disableAutoRequestWithInitial(reads);
    }

    /** Reads so many answers more. */
    void read(int more) {
        call().request(more);
    }

    private ClientCallStreamObserver<StreamBatchesRequest> call() {
        return Objects.requireNonNull(call);
    }

    @Override
    public void onNext(StreamBatchesResponse response) {
        answers.add(response);
    }

    @Override
    public void onError(Throwable cause) {
        answers.add(ErrorStatuses.fromThrowable(cause));
    }

    @Override
    public void onCompleted() {
        answers.add(COMPLETED);
    }

    StreamOpened open(StreamOpen open) throws InterruptedException {
        send(StreamBatchesRequest.newBuilder().setOpen(open).build());
        return response().getOpened();
    }

    void send(StreamBatchesRequest request) {
        call().onNext(request);
    }

    /** Sends bytes that are no message. */
    void sendGarbage() {
        send(GARBAGE);
    }

    void frame(TensorFrame frame) {
        send(StreamBatchesRequest.newBuilder().setFrame(frame).build());
    }

    void header(BatchHeader header) {
        send(StreamBatchesRequest.newBuilder().setBatch(header).build());
    }

    /** Sends header and frames of grey images with labels 0, 1, 2 ... if the header says so. */
    void batch(BatchHeader header, List<Long> imageShape, byte[] pixels) {
        header(header);
        frames(header, imageShape, pixels).forEach(this::frame);
    }

    static List<TensorFrame> frames(BatchHeader header, List<Long> imageShape, byte[] pixels) {
        List<TensorFrame> frames = new ArrayList<>();
        long count = header.getSampleIdsCount();
        List<Long> shape = new ArrayList<>(List.of(count));
        shape.addAll(imageShape);
        TensorFrames.split(
                        header.getBatchId(),
                        TensorFrames.describe("image", shape, Encoding.ENCODING_UINT8),
                        ByteBuffer.wrap(pixels))
                .forEachRemaining(frames::add);
        if (header.getLabels()) {
            ByteBuffer labels = ByteBuffer.allocate(4 * (int) count).order(ByteOrder.LITTLE_ENDIAN);
            for (int i = 0; i < count; i++) {
                labels.putInt(i);
            }
            TensorFrames.split(
                            header.getBatchId(),
                            TensorFrames.describe("label", List.of(count), Encoding.ENCODING_INT32),
                            labels.flip())
                    .forEachRemaining(frames::add);
        }
        return frames;
    }

    void release(String batchId) {
        send(
                StreamBatchesRequest.newBuilder()
                        .setRelease(BatchRelease.newBuilder().setBatchId(batchId))
                        .build());
    }

    void halfClose() {
        call().onCompleted();
    }

    void cancel() {
        call().onError(new IllegalStateException("client goes away"));
    }

    StreamBatchesResponse response() throws InterruptedException {
        return (StreamBatchesResponse) answer();
    }

    MeshException failure() throws InterruptedException {
        return (MeshException) answer();
    }

    void awaitCompletion() throws InterruptedException {
        assertThat(answer()).isSameAs(COMPLETED);
    }

    private Object answer() throws InterruptedException {
        Object answer = answers.poll(60, TimeUnit.SECONDS);
        assertThat(answer).as("an answer within a minute").isNotNull();
        return answer;
    }
}
