package io.abmesh.data.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.abmesh.data.image.ImageShape;
import io.abmesh.data.image.ImageSplit;
import io.abmesh.data.image.TestingImages;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class SequentialBatchesTest {
    private final ImageSplit split =
            TestingImages.noise(
                    new ImageShape(1, 2, 2), 3, TestingImages.cyclicLabels(10, 3), true);

    @Test
    void everySampleComesOnceInOrderAndUnchanged() {
        int[] subset = {0, 2, 3, 5, 9};
        SequentialBatches batches = new SequentialBatches(split, subset, 2);
        List<Long> ids = new ArrayList<>();
        for (int i = 0; i < batches.count(); i++) {
            MicroBatch batch = batches.batch(i);
            ids.addAll(batch.sampleIds());
            assertThat(batch.augmentationIds()).containsOnly(0L);
            byte[] first = new byte[4];
            batch.images().get(first);
            assertThat(first).isEqualTo(TestingImages.image(split, subset[2 * i]));
        }

        assertThat(batches.count()).isEqualTo(3);
        assertThat(batches.sampleCount()).isEqualTo(5);
        assertThat(batches.batch(2).size()).isEqualTo(1);
        long first = ImageSplit.TEST_IDS;
        assertThat(ids).containsExactly(first, first + 2, first + 3, first + 5, first + 9);
    }

    @Test
    void samplesMayBeSpreadOverAllOfThem() {
        SequentialBatches batches = new SequentialBatches(split, new int[] {0, 2, 3, 5, 9}, 2);

        long first = ImageSplit.TEST_IDS;
        assertThat(batches.spread(2).sampleIds()).containsExactly(first, first + 3);
        assertThat(batches.spread(5).sampleIds())
                .containsExactly(first, first + 2, first + 3, first + 5, first + 9);
        assertThatThrownBy(() -> batches.spread(6)).hasMessage("samples: found=6, expected=1 to 5");
    }

    @Test
    void batchBeyondTheLastIsRefused() {
        SequentialBatches batches = new SequentialBatches(split, new int[] {1}, 8);

        assertThat(batches.count()).isEqualTo(1);
        assertThatThrownBy(() -> batches.batch(1)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> new SequentialBatches(split, new int[0], 8))
                .hasMessage("nothing to cut: batch=8, samples=0");
    }
}
