package io.abmesh.data.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.abmesh.data.image.ImageShape;
import io.abmesh.data.image.ImageSplit;
import io.abmesh.data.image.TestingImages;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class BatchScheduleTest {
    private static final ImageShape SHAPE = new ImageShape(2, 6, 5);
    private final ImageSplit split =
            TestingImages.noise(SHAPE, 5, TestingImages.cyclicLabels(60, 5));
    // 23 samples in batches of 4: epochs end inside batches
    private final int[] subset = new SubsetRule(23, 0, true, 1).choose(split);
    private final Augmentation augmentation = new Augmentation(2, true, 0);

    private BatchSchedule schedule(long seed) {
        return new BatchSchedule(split, subset, 4, 2, augmentation, seed);
    }

    @Test
    void anyOrderOfStepsGivesTheSameBatches() {
        BatchSchedule schedule = schedule(9);
        Map<Long, MicroBatch> forward = new HashMap<>();
        List<Long> parts = new ArrayList<>();
        for (long part = 0; part < 100; part++) {
            forward.put(part, schedule.microBatch(part / 2, (int) (part % 2)));
            parts.add(part);
        }
        Collections.shuffle(parts, new Random(2));
        BatchSchedule other = schedule(9);
        for (long part : parts) {
            assertThat(other.microBatch(part / 2, (int) (part % 2))).isEqualTo(forward.get(part));
            assertThat(schedule.microBatch(part / 2, (int) (part % 2)))
                    .isEqualTo(forward.get(part));
        }
    }

    @Test
    void everyEpochShowsEverySampleOnceInAnotherOrder() {
        BatchSchedule schedule = schedule(9);
        List<Long> stream = new ArrayList<>();
        for (long step = 0; step < 23; step++) {
            stream.addAll(schedule.microBatch(step, 0).sampleIds());
            stream.addAll(schedule.microBatch(step, 1).sampleIds());
        }
        List<List<Long>> epochs = new ArrayList<>();
        for (int epoch = 0; epoch < 4; epoch++) {
            epochs.add(stream.subList(23 * epoch, 23 * (epoch + 1)));
        }
        List<Long> ids = new ArrayList<>();
        for (int index : subset) {
            ids.add(split.sampleId(index));
        }

        assertThat(epochs)
                .allSatisfy(epoch -> assertThat(epoch).containsExactlyInAnyOrderElementsOf(ids))
                .doesNotHaveDuplicates();
    }

    @Test
    void partsAreTheSameSamplesAsTheWholeBatch() {
        BatchSchedule whole = new BatchSchedule(split, subset, 4, 1, augmentation, 9);
        for (long step = 0; step < 20; step++) {
            List<Long> samples = new ArrayList<>(schedule(9).microBatch(step, 0).sampleIds());
            samples.addAll(schedule(9).microBatch(step, 1).sampleIds());
            assertThat(whole.microBatch(step, 0).sampleIds()).isEqualTo(samples);
        }
    }

    @Test
    void pixelsAreTheViewThatTheAugmentationIdNames() {
        BatchSchedule schedule = schedule(9);
        for (long step = 0; step < 30; step++) {
            MicroBatch batch = schedule.microBatch(step, 1);
            ByteBuffer images = batch.images();
            ByteBuffer labels = batch.labels();
            for (int i = 0; i < batch.size(); i++) {
                int index = Math.toIntExact(batch.sampleIds().get(i));
                byte[] expected = new byte[SHAPE.bytes()];
                View.of(batch.augmentationIds().get(i))
                        .apply(SHAPE, TestingImages.image(split, index), expected, 0);
                byte[] found = new byte[SHAPE.bytes()];
                images.get(found);
                assertThat(found).isEqualTo(expected);
                assertThat(labels.getInt()).isEqualTo(split.label(index));
            }
            assertThat(images.hasRemaining() || labels.hasRemaining()).isFalse();
        }
    }

    @Test
    void viewBelongsToTheEpochThatTheSampleIsTakenFrom() {
        BatchSchedule schedule = schedule(9);
        for (long place = 0; place < 92; place++) {
            MicroBatch batch = schedule.microBatch(place / 4, (int) (place % 4 / 2));
            int at = (int) (place % 2);
            assertThat(batch.augmentationIds().get(at))
                    .isEqualTo(augmentation.view(9, place / 23, batch.sampleIds().get(at)).id());
        }
    }

    @Test
    void seedChangesTheOrder() {
        assertThat(schedule(1).microBatch(0, 0).sampleIds())
                .isNotEqualTo(schedule(2).microBatch(0, 0).sampleIds());
    }

    /**
     * Pins the stream: a checkpoint of one version is continued by the next, so a change here
     * breaks resumed runs.
     */
    @Test
    void streamStaysWhatItWas() {
        ImageSplit ten = TestingImages.noise(SHAPE, 5, TestingImages.cyclicLabels(10, 5));
        int[] all = SubsetRule.ALL.choose(ten);
        MicroBatch batch =
                new BatchSchedule(ten, all, 10, 1, new Augmentation(2, true, 0), 1)
                        .microBatch(0, 0);

        assertThat(batch.sampleIds()).containsExactly(PINNED_SAMPLES);
        assertThat(batch.augmentationIds().subList(0, 4)).containsExactly(PINNED_VIEWS);
    }

    private static final Long[] PINNED_SAMPLES = {8L, 7L, 6L, 0L, 1L, 5L, 3L, 4L, 9L, 2L};
    private static final Long[] PINNED_VIEWS = {393213L, 262141L, 8589934591L, 8589803521L};

    @Test
    void stepsAreRoundedAndNeverNone() {
        assertThat(BatchSchedule.steps(20, 500, 64)).isEqualTo(156);
        assertThat(BatchSchedule.steps(1, 500, 64)).isEqualTo(8);
        assertThat(BatchSchedule.steps(0.001, 500, 64)).isEqualTo(1);
    }

    @Test
    void buffersAreHandedOutReadOnlyAndFresh() {
        MicroBatch batch = schedule(1).microBatch(0, 0);
        batch.images().get();

        assertThat(batch.images().position()).isZero();
        assertThat(batch.images().isReadOnly()).isTrue();
        assertThat(batch.labels().isReadOnly()).isTrue();
    }

    @Test
    void batchLargerThanTheDataIsRefused() {
        assertThatThrownBy(() -> new BatchSchedule(split, subset, 24, 1, Augmentation.NONE, 1))
                .hasMessage("batch does not fit the data: found=24, expected=1 to 23");
        assertThatThrownBy(() -> new BatchSchedule(split, subset, 4, 3, Augmentation.NONE, 1))
                .hasMessage("batch is not a multiple of its parts: batch=4, microBatches=3");
        assertThatThrownBy(
                        () ->
                                new BatchSchedule(
                                        split, subset, 4, 1, new Augmentation(5, false, 0), 1))
                .hasMessage("crop is not smaller than the image: found=5, image=[2, 6, 5]");
        assertThatThrownBy(() -> schedule(1).microBatch(0, 2))
                .hasMessage("no such part: step=0, part=2 of 2");
    }
}
