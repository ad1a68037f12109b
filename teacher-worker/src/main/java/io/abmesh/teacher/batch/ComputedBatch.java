package io.abmesh.teacher.batch;

import io.abmesh.proto.frame.Tensor;
import java.time.Duration;
import java.util.List;

/**
 * What became of a batch.
 *
 * @param tensors {@code image}, {@code label} if it was sent, then the outputs in the order in
 *     which they were asked for
 * @param cachedCount samples that the cache answered
 * @param computedCount samples that took a forward pass
 * @param computeDuration time of the forward passes; zero if there were none
 */
public record ComputedBatch(
        List<Tensor> tensors, int cachedCount, int computedCount, Duration computeDuration) {
    /** Copies the list. */
    public ComputedBatch {
        tensors = List.copyOf(tensors);
    }
}
