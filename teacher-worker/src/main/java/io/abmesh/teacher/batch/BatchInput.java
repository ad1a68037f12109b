package io.abmesh.teacher.batch;

import io.abmesh.proto.frame.Tensor;
import java.util.List;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * A batch as a client sent it.
 *
 * @param batchId its name
 * @param sampleIds the sample of each row
 * @param augmentationIds the view of each row
 * @param datasetSha256 the data set; empty: not to be cached
 * @param image {@code uint8 [N, C, H, W]}
 * @param label {@code int32 [N]}, or null if none was sent
 * @param step step that it is part of; empty: of none
 * @param firings whether the client wants to know how the taps fire
 */
public record BatchInput(
        String batchId,
        List<Long> sampleIds,
        List<Long> augmentationIds,
        String datasetSha256,
        Tensor image,
        @Nullable Tensor label,
        OptionalLong step,
        boolean firings) {
    /** Copies the lists. */
    public BatchInput {
        sampleIds = List.copyOf(sampleIds);
        augmentationIds = List.copyOf(augmentationIds);
    }

    /** N. */
    public int count() {
        return sampleIds.size();
    }
}
