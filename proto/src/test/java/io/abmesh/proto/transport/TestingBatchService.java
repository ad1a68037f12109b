package io.abmesh.proto.transport;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.frame.TensorFrames;
import io.abmesh.proto.v1.BatchServiceGrpc.BatchServiceImplBase;
import io.abmesh.proto.v1.Encoding;
import io.abmesh.proto.v1.FetchBatchRequest;
import io.abmesh.proto.v1.FetchBatchResponse;
import io.abmesh.proto.v1.TensorFrame;
import io.grpc.stub.StreamObserver;
import java.nio.ByteBuffer;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;

/** Serves batches of as many full frames as their name says, or fails as their name says. */
final class TestingBatchService extends BatchServiceImplBase {
    /** Name of a batch whose frames end in an error of the machine. */
    static final String BREAKS = "breaks";

    static final int FRAME_BYTES = TensorFrames.MAX_PAYLOAD_BYTES;

    final AtomicInteger produced = new AtomicInteger();
    final CountDownLatch ended = new CountDownLatch(1);
    private final ResponseSender sender;

    TestingBatchService(ResponseSender sender) {
        this.sender = sender;
    }

    @Override
    public void fetchBatch(FetchBatchRequest request, StreamObserver<FetchBatchResponse> answer) {
        switch (request.getBatchId()) {
            case "unnamed" -> throw new IllegalStateException("secret detail");
            case "named" ->
                    answer.onError(new MeshException(ErrorReason.BATCH_NOT_FOUND, "no such batch"));
            case "thrown" -> throw new MeshException(ErrorReason.STALE_EPOCH, "old");
            case BREAKS -> sender.send(answer, broken(), ended::countDown);
            default ->
                    sender.send(
                            answer,
                            frames(Integer.parseInt(request.getBatchId())),
                            ended::countDown);
        }
    }

    private static Iterator<FetchBatchResponse> broken() {
        return new Iterator<>() {
            @Override
            public boolean hasNext() {
                throw new OutOfMemoryError("testing");
            }

            @Override
            public FetchBatchResponse next() {
                throw new NoSuchElementException();
            }
        };
    }

    private Iterator<FetchBatchResponse> frames(int count) {
        ByteBuffer bytes = ByteBuffer.allocate(count * FRAME_BYTES);
        Iterator<TensorFrame> frames =
                TensorFrames.split(
                        Integer.toString(count),
                        TensorFrames.describe(
                                "image",
                                List.of((long) count * FRAME_BYTES),
                                Encoding.ENCODING_UINT8),
                        bytes);
        return new Iterator<>() {
            @Override
            public boolean hasNext() {
                return frames.hasNext();
            }

            @Override
            public FetchBatchResponse next() {
                produced.incrementAndGet();
                return FetchBatchResponse.newBuilder().setFrame(frames.next()).build();
            }
        };
    }
}
