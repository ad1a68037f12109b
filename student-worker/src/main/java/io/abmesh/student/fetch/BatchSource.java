package io.abmesh.student.fetch;

import io.abmesh.proto.frame.Tensor;
import io.abmesh.proto.v1.FetchBatchRequest;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.function.IntFunction;

/** Where the tensors of batches come from. Thread-safe. */
@FunctionalInterface
public interface BatchSource {
    /**
     * Fetches once, blocking; ends early with CANCELLED when the current {@link io.grpc.Context} is
     * cancelled.
     *
     * @param address server that holds the batch, {@code host:port}
     * @param maxBytes bound of all tensors together
     * @param allocator takes a length in bytes; the tensors lie in what it returns
     * @return tensors by name
     * @throws io.abmesh.proto.error.MeshException the server's reason, or that of a bad answer
     */
    Map<String, Tensor> fetch(
            String address,
            FetchBatchRequest request,
            long maxBytes,
            IntFunction<ByteBuffer> allocator);
}
