package io.abmesh.teacher.stream;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.frame.Tensor;
import io.abmesh.proto.frame.TensorFrames;
import io.abmesh.proto.transport.ResponseSender;
import io.abmesh.proto.v1.BatchServiceGrpc.BatchServiceImplBase;
import io.abmesh.proto.v1.FetchBatchRequest;
import io.abmesh.proto.v1.FetchBatchResponse;
import io.abmesh.proto.v1.TensorFrame;
import io.abmesh.teacher.batch.HeldBatch;
import io.abmesh.teacher.meter.TeacherMeters;
import io.grpc.stub.StreamObserver;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;

/** Sends held batches to those who ask for them, at the pace at which they read. */
public final class BatchGrpcService extends BatchServiceImplBase {
    private final TeacherHost host;
    private final ResponseSender sender;

    /**
     * Makes the service.
     *
     * @param sender borrowed
     */
    public BatchGrpcService(TeacherHost host, ResponseSender sender) {
        this.host = host;
        this.sender = sender;
    }

    @Override
    public void fetchBatch(FetchBatchRequest request, StreamObserver<FetchBatchResponse> answer) {
        HeldBatch batch = host.held().acquire(request.getBatchId(), request.getEpoch());
        List<Tensor> tensors;
        try {
            tensors = select(batch, request.getTensorsList());
        } catch (MeshException e) {
            batch.letGo();
            throw e;
        }
        sender.send(answer, new Frames(batch.batchId(), tensors, host.meters()), batch::letGo);
    }

    private static List<Tensor> select(HeldBatch batch, List<String> names) {
        if (names.isEmpty()) {
            return batch.tensors();
        }
        List<Tensor> selected = new ArrayList<>();
        for (String name : names) {
            selected.add(
                    batch.tensors().stream()
                            .filter(tensor -> tensor.name().equals(name))
                            .findFirst()
                            .orElseThrow(() -> notFound(batch, name)));
        }
        return selected;
    }

    private static MeshException notFound(HeldBatch batch, String name) {
        List<String> there = batch.tensors().stream().map(Tensor::name).toList();
        return new MeshException(
                ErrorReason.TENSOR_NOT_FOUND,
                "batch has no such tensor: batch="
                        + batch.batchId()
                        + ", found="
                        + name
                        + ", expected=one of "
                        + there,
                Map.of("batch", batch.batchId(), "tensor", name));
    }

    /** Frames of some tensors, one after the other, made when they are asked for. */
    private static final class Frames implements Iterator<FetchBatchResponse> {
        private final String batchId;
        private final Iterator<Tensor> tensors;
        private final TeacherMeters meters;
        private Iterator<TensorFrame> frames = Collections.emptyIterator();

        Frames(String batchId, List<Tensor> tensors, TeacherMeters meters) {
            this.batchId = batchId;
            this.tensors = tensors.iterator();
            this.meters = meters;
        }

        @Override
        public boolean hasNext() {
            return frames.hasNext() || tensors.hasNext();
        }

        @Override
        public FetchBatchResponse next() {
            if (!hasNext()) {
                throw new NoSuchElementException("no frame left: batch=" + batchId);
            }
            if (!frames.hasNext()) {
                Tensor tensor = tensors.next();
                frames = TensorFrames.split(batchId, tensor);
            }
            TensorFrame frame = frames.next();
            meters.sent(frame.getPayload().size());
            return FetchBatchResponse.newBuilder().setFrame(frame).build();
        }
    }
}
