package io.abmesh.teacher.batch;

import io.abmesh.proto.frame.Tensor;
import io.abmesh.proto.v1.TapFirings;
import java.time.Duration;
import java.util.List;
import java.util.OptionalInt;

/**
 * What became of a batch.
 *
 * @param tensors {@code image}, {@code label} if it was sent, then the outputs in the order in
 *     which they were asked for
 * @param cachedCount samples that the cache answered
 * @param computedCount samples that took a forward pass
 * @param computeDuration time of the forward passes; zero if there were none
 * @param firings how each tap fires, in the order in which they were asked for; empty unless the
 *     client wants to know
 * @param correctCount samples whose largest logit is that of their label; empty unless there are
 *     both
 */
public record ComputedBatch(
        List<Tensor> tensors,
        int cachedCount,
        int computedCount,
        Duration computeDuration,
        List<TapFirings> firings,
        OptionalInt correctCount) {
    /** Copies the lists. */
    public ComputedBatch {
        tensors = List.copyOf(tensors);
        firings = List.copyOf(firings);
    }
}
