package io.abmesh.proto.frame;

import static java.util.Objects.requireNonNullElse;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.BatchServiceGrpc;
import io.abmesh.proto.v1.FetchBatchRequest;
import io.abmesh.proto.v1.FetchBatchResponse;
import io.abmesh.proto.v1.TensorFrame;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.MethodDescriptor;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;

/**
 * Fetches a batch and waits for it. Frames are asked for one at a time, so that at most one
 * flow-control window waits here. They are read, checked and put in their place by the channel's
 * thread, in which their bytes arrive. When a fetch has returned, however it ended, nobody writes
 * to its memory any more.
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
            Channel channel, FetchBatchRequest request, long maxBytes, Duration deadline) {
        return fetch(channel, request, maxBytes, deadline, ByteBuffer::allocateDirect);
    }

    /**
     * The same into buffers of the allocator, which may be used again and again: {@code
     * allocateDirect} gives memory back only when the garbage collector happens to run.
     *
     * @param allocator takes a length in bytes; returns a buffer with at least that many remaining
     */
    public static Map<String, Tensor> fetch(
            Channel channel,
            FetchBatchRequest request,
            long maxBytes,
            Duration deadline,
            IntFunction<ByteBuffer> allocator) {
        TensorAssembler assembler = new TensorAssembler(request.getBatchId(), maxBytes, allocator);
        MethodDescriptor<FetchBatchRequest, FetchBatchResponse> method =
                BatchServiceGrpc.getFetchBatchMethod();
        ClientCall<FetchBatchRequest, TensorFrame> call =
                channel.newCall(
                        method.toBuilder(
                                        method.getRequestMarshaller(),
                                        new FrameReader(request.getBatchId(), assembler))
                                .build(),
                        // Another thread would have to be woken for every frame.
                        CallOptions.DEFAULT
                                .withExecutor(Runnable::run)
                                .withDeadlineAfter(deadline.toNanos(), TimeUnit.NANOSECONDS));
        End end = new End();
        ClientCalls.asyncServerStreamingCall(call, request, end);
        end.await(call);
        assembler.requireComplete();
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

    /** The end of a call, whose frames are taken while they are read. */
    private static final class End implements StreamObserver<TensorFrame> {
        private final CompletableFuture<Void> end = new CompletableFuture<>();

        @Override
        public void onNext(TensorFrame frame) {}

        @Override
        public void onError(Throwable cause) {
            end.completeExceptionally(cause);
        }

        @Override
        public void onCompleted() {
            end.complete(null);
        }

        /** Waits for the end in any case; an interrupt cancels the call, which soon ends it. */
        void await(ClientCall<?, ?> call) {
            boolean interrupted = false;
            try {
                boolean waiting = true;
                while (waiting) {
                    try {
                        end.get();
                        waiting = false;
                    } catch (InterruptedException e) {
                        interrupted = true;
                        call.cancel("interrupted", e);
                    }
                }
            } catch (ExecutionException e) {
                throw failure(requireNonNullElse(e.getCause(), e));
            } finally {
                if (interrupted) {
                    Thread.currentThread().interrupt();
                }
            }
        }

        /** What the reading of a frame threw, out of memory for example, is a status' cause. */
        private static RuntimeException failure(Throwable failed) {
            if (failed.getCause() instanceof Error error) {
                throw error;
            }
            return ErrorStatuses.fromThrowable(failed);
        }
    }
}
