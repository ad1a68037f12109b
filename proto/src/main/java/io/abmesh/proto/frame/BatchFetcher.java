package io.abmesh.proto.frame;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.BatchServiceGrpc.BatchServiceBlockingStub;
import io.abmesh.proto.v1.FetchBatchRequest;
import io.abmesh.proto.v1.FetchBatchResponse;
import io.grpc.Context;
import io.grpc.Context.CancellableContext;
import io.grpc.StatusRuntimeException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;

/**
 * Fetches a batch with a blocking call that reads one frame at a time, so that at most one
 * flow-control window waits here.
 */
public final class BatchFetcher {
    private BatchFetcher() {}

    /**
     * Fetches the tensors that the request names, or all, and checks every frame.
     *
     * @param maxBytes bound of all tensors together
     * @param deadline for the whole fetch
     * @return tensors by name, in direct memory of their own, in the order in which they came
     * @throws MeshException the server's reason; what {@link TensorAssembler} finds;
     *     TENSOR_NOT_FOUND if the answer lacks a tensor; TRANSPORT_UNAVAILABLE; DEADLINE_EXCEEDED;
     *     CANCELLED if the thread is interrupted
     */
    public static Map<String, Tensor> fetch(
            BatchServiceBlockingStub stub,
            FetchBatchRequest request,
            long maxBytes,
            Duration deadline) {
        return fetch(stub, request, maxBytes, deadline, ByteBuffer::allocateDirect);
    }

    /**
     * The same into buffers of the allocator, which may be used again and again: {@code
     * allocateDirect} gives memory back only when the garbage collector happens to run.
     *
     * @param allocator takes a length in bytes; returns a buffer with at least that many remaining
     */
    public static Map<String, Tensor> fetch(
            BatchServiceBlockingStub stub,
            FetchBatchRequest request,
            long maxBytes,
            Duration deadline,
            IntFunction<ByteBuffer> allocator) {
        TensorAssembler assembler = new TensorAssembler(request.getBatchId(), maxBytes, allocator);
        // The call ends with the context, also when a bad frame stops this loop in the middle.
        CancellableContext context = Context.current().withCancellation();
        Context previous = context.attach();
        try {
            Iterator<FetchBatchResponse> answer =
                    stub.withDeadlineAfter(deadline.toNanos(), TimeUnit.NANOSECONDS)
                            .fetchBatch(request);
            while (answer.hasNext()) {
                assembler.add(answer.next().getFrame());
            }
            assembler.requireComplete();
        } catch (StatusRuntimeException e) {
            throw ErrorStatuses.fromThrowable(e);
        } finally {
            context.detach(previous);
            context.cancel(null);
        }
        for (String tensor : request.getTensorsList()) {
            if (!assembler.tensors().containsKey(tensor)) {
                throw new MeshException(
                        ErrorReason.TENSOR_NOT_FOUND,
                        "answer lacks a tensor: batch="
                                + request.getBatchId()
                                + ", expected="
                                + tensor
                                + ", found="
                                + assembler.tensors().keySet(),
                        Map.of("batch", request.getBatchId(), "tensor", tensor));
            }
        }
        return new LinkedHashMap<>(assembler.tensors());
    }
}
