package io.abmesh.cli.inspect;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.frame.BatchFetcher;
import io.abmesh.proto.frame.Tensor;
import io.abmesh.proto.frame.TensorFrames;
import io.abmesh.proto.transport.PacedWriter;
import io.abmesh.proto.v1.BatchHeader;
import io.abmesh.proto.v1.BatchRelease;
import io.abmesh.proto.v1.Encoding;
import io.abmesh.proto.v1.FetchBatchRequest;
import io.abmesh.proto.v1.StreamBatchesRequest;
import io.abmesh.proto.v1.StreamBatchesResponse;
import io.abmesh.proto.v1.StreamOpen;
import io.abmesh.proto.v1.StreamOpened;
import io.abmesh.proto.v1.TeacherServiceGrpc;
import io.abmesh.proto.v1.TensorFrame;
import io.grpc.Channel;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** A stream of batches to a teacher-worker, one batch at a time. Not thread-safe. */
final class TeacherStream implements AutoCloseable {

    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final Channel channel;
    private final PacedWriter<StreamBatchesRequest> writer = new PacedWriter<>(PATIENCE);
    // A server answers each of our messages with one or two: one batch at a time bounds it.
    private final BlockingQueue<Answer> answers = new LinkedBlockingQueue<>();
    private final StreamOpened opened;

    private record Answer(
            @Nullable StreamBatchesResponse response, @Nullable MeshException failure) {}

    /**
     * Opens a stream.
     *
     * @throws MeshException if the teacher refuses
     */
    TeacherStream(Channel channel, StreamOpen open) throws InterruptedException {
        this.channel = channel;
        TeacherServiceGrpc.newStub(channel).streamBatches(new Reader());
        writer.write(StreamBatchesRequest.newBuilder().setOpen(open).build());
        StreamBatchesResponse first = next();
        if (!first.hasOpened()) {
            throw new MeshException(
                    ErrorReason.STREAM_PROTOCOL,
                    "teacher answered open with: " + first.getMessageCase());
        }
        opened = first.getOpened();
    }

    /** Returns what the taps are and what an image costs. */
    StreamOpened opened() {
        return opened;
    }

    /**
     * Sends a batch and returns the tensors asked for when the stream was opened.
     *
     * @param header the batch, without labels
     * @param images uint8 {@code [N, C, H, W]}; must not be written to any more
     * @throws MeshException if the teacher cannot compute it
     */
    Map<String, Tensor> compute(BatchHeader header, ByteBuffer images) throws InterruptedException {
        List<Long> shape = new ArrayList<>();
        shape.add((long) header.getSampleIdsCount());
        shape.addAll(header.getImageShapeList());
        writer.write(StreamBatchesRequest.newBuilder().setBatch(header).build());
        Iterator<TensorFrame> frames =
                TensorFrames.split(
                        header.getBatchId(),
                        TensorFrames.describe("image", shape, Encoding.ENCODING_UINT8),
                        images);
        while (frames.hasNext()) {
            writer.write(StreamBatchesRequest.newBuilder().setFrame(frames.next()).build());
        }
        awaitReady();
        FetchBatchRequest.Builder request =
                FetchBatchRequest.newBuilder().setBatchId(header.getBatchId());
        opened.getTapsList().forEach(tap -> request.addTensors(tap.getName()));
        long maxBytes = opened.getCostBytes() * header.getSampleIdsCount();
        Map<String, Tensor> tensors =
                BatchFetcher.fetch(
                        channel, request.build(), maxBytes + opened.getTapsCount(), PATIENCE);
        writer.write(
                StreamBatchesRequest.newBuilder()
                        .setRelease(BatchRelease.newBuilder().setBatchId(header.getBatchId()))
                        .build());
        return tensors;
    }

    @Override
    public void close() {
        writer.complete();
    }

    private void awaitReady() throws InterruptedException {
        while (true) {
            StreamBatchesResponse response = next();
            if (response.hasFailed()) {
                throw ErrorStatuses.fromStatus(response.getFailed().getStatus());
            }
            if (response.hasReady()) {
                return;
            }
        }
    }

    private StreamBatchesResponse next() throws InterruptedException {
        Answer answer = answers.poll(PATIENCE.toSeconds(), TimeUnit.SECONDS);
        if (answer == null) {
            throw new MeshException(
                    ErrorReason.DEADLINE_EXCEEDED,
                    "the teacher does not answer: waited=" + PATIENCE.toSeconds() + " s");
        }
        if (answer.failure != null) {
            throw answer.failure;
        }
        if (answer.response == null) {
            throw new MeshException(ErrorReason.STREAM_PROTOCOL, "the teacher ended the stream");
        }
        return answer.response;
    }

    private final class Reader
            implements ClientResponseObserver<StreamBatchesRequest, StreamBatchesResponse> {

        @Override
        public void beforeStart(ClientCallStreamObserver<StreamBatchesRequest> call) {
            writer.attach(call);
        }

        @Override
        public void onNext(StreamBatchesResponse response) {
            answers.add(new Answer(response, null));
        }

        @Override
        public void onError(Throwable cause) {
            writer.closed(cause);
            answers.add(new Answer(null, ErrorStatuses.fromThrowable(cause)));
        }

        @Override
        public void onCompleted() {
            writer.closed(null);
            answers.add(new Answer(null, null));
        }
    }
}
