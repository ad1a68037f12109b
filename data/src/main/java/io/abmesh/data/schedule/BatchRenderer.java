package io.abmesh.data.schedule;

import io.abmesh.data.image.ImageShape;
import io.abmesh.data.image.ImageSplit;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/** Collects views of samples into a batch. For one thread and one batch. */
final class BatchRenderer {
    private final ImageSplit split;
    private final ImageShape shape;
    private final byte[] source;
    private final byte[] images;
    private final ByteBuffer labels;
    private final List<Long> sampleIds;
    private final List<Long> augmentationIds;

    BatchRenderer(ImageSplit split, int count) {
        this.split = split;
        this.shape = split.shape();
        this.source = new byte[shape.bytes()];
        this.images = new byte[Math.multiplyExact(count, shape.bytes())];
        this.labels = ByteBuffer.allocate(4 * count).order(ByteOrder.LITTLE_ENDIAN);
        this.sampleIds = new ArrayList<>(count);
        this.augmentationIds = new ArrayList<>(count);
    }

    void add(int index, View view) {
        int offset = sampleIds.size() * shape.bytes();
        split.copyImage(index, source, 0);
        view.apply(shape, source, images, offset);
        labels.putInt(split.label(index));
        sampleIds.add(split.sampleId(index));
        augmentationIds.add(view.id());
    }

    MicroBatch finish() {
        return new MicroBatch(
                shape, sampleIds, augmentationIds, ByteBuffer.wrap(images), labels.flip());
    }
}
