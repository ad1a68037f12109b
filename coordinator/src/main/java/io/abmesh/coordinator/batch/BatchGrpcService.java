package io.abmesh.coordinator.batch;

import io.abmesh.data.schedule.MicroBatch;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.frame.TensorFrames;
import io.abmesh.proto.transport.ResponseSender;
import io.abmesh.proto.v1.BatchServiceGrpc;
import io.abmesh.proto.v1.Encoding;
import io.abmesh.proto.v1.FetchBatchRequest;
import io.abmesh.proto.v1.FetchBatchResponse;
import io.abmesh.proto.v1.TensorFrame;
import io.grpc.stub.StreamObserver;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/** Serves images and labels of batches that need no teacher. */
public final class BatchGrpcService extends BatchServiceGrpc.BatchServiceImplBase {
    private static final String IMAGE = "image";
    private static final String LABEL = "label";

    private final LazyBatches batches;
    private final ResponseSender sender;
    private final Consumer<String> runCheck;

    /**
     * Makes the service.
     *
     * @param sender writes only while the client reads; borrowed
     * @param runCheck refuses, by an exception, a caller that does not work for a run
     */
    public BatchGrpcService(LazyBatches batches, ResponseSender sender, Consumer<String> runCheck) {
        this.batches = batches;
        this.sender = sender;
        this.runCheck = runCheck;
    }

    @Override
    public void fetchBatch(FetchBatchRequest request, StreamObserver<FetchBatchResponse> observer) {
        runCheck.accept(LazyBatches.run(request.getBatchId()));
        LazyBatches.Rendered rendered = batches.render(request.getBatchId(), request.getEpoch());
        List<String> wanted =
                request.getTensorsCount() == 0 ? List.of(IMAGE, LABEL) : request.getTensorsList();
        Stream<FetchBatchResponse> frames =
                wanted.stream()
                        .map(tensor -> frames(request.getBatchId(), rendered.batch(), tensor))
                        .flatMap(BatchGrpcService::stream)
                        .map(frame -> FetchBatchResponse.newBuilder().setFrame(frame).build());
        sender.send(observer, frames.iterator(), rendered.release());
    }

    private static Iterator<TensorFrame> frames(String batchId, MicroBatch batch, String tensor) {
        long size = batch.size();
        return switch (tensor) {
            case IMAGE ->
                    TensorFrames.split(
                            batchId,
                            TensorFrames.describe(
                                    IMAGE,
                                    List.of(
                                            size,
                                            (long) batch.shape().channels(),
                                            (long) batch.shape().height(),
                                            (long) batch.shape().width()),
                                    Encoding.ENCODING_UINT8),
                            batch.images());
            case LABEL ->
                    TensorFrames.split(
                            batchId,
                            TensorFrames.describe(LABEL, List.of(size), Encoding.ENCODING_INT32),
                            batch.labels());
            default ->
                    throw new MeshException(
                            ErrorReason.TENSOR_NOT_FOUND,
                            "batch has no such tensor: found="
                                    + tensor
                                    + ", expected=image or label",
                            Map.of("tensor", tensor));
        };
    }

    private static Stream<TensorFrame> stream(Iterator<TensorFrame> frames) {
        Iterable<TensorFrame> once = () -> frames;
        return StreamSupport.stream(once.spliterator(), false);
    }
}
