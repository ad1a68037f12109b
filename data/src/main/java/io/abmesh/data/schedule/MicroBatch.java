package io.abmesh.data.schedule;

import io.abmesh.data.image.ImageShape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/**
 * Samples as they go to teachers and students.
 *
 * @param shape size of an image, {@code [C, H, W]}
 * @param sampleIds one per sample
 * @param augmentationIds one per sample: {@link View#id()}
 * @param images {@code uint8 [N, C, H, W]}; handed out read-only, from position 0
 * @param labels {@code int32 [N]}, little-endian; handed out likewise
 */
public record MicroBatch(
        ImageShape shape,
        List<Long> sampleIds,
        List<Long> augmentationIds,
        ByteBuffer images,
        ByteBuffer labels) {
    public MicroBatch {
        sampleIds = List.copyOf(sampleIds);
        augmentationIds = List.copyOf(augmentationIds);
    }

    /** Number of samples. */
    public int size() {
        return sampleIds.size();
    }

    /** A duplicate of its own for each caller. */
    @Override
    public ByteBuffer images() {
        return images.asReadOnlyBuffer();
    }

    /** A duplicate of its own for each caller. */
    @Override
    public ByteBuffer labels() {
        return labels.asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
    }
}
