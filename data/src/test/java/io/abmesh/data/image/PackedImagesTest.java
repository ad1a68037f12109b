package io.abmesh.data.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class PackedImagesTest {
    private static final ImageShape SHAPE = new ImageShape(1, 1, 2);

    @Test
    void imagesAreFoundAcrossSegmentsOfDifferentLayout() {
        ByteBuffer tight = ByteBuffer.wrap(new byte[] {1, 2, 3, 4});
        ByteBuffer spaced = ByteBuffer.wrap(new byte[] {99, 5, 6, 99, 7, 8});
        ImageSplit split =
                new PackedImages(
                        "x",
                        SHAPE,
                        List.of("a"),
                        List.of(
                                new PackedImages.Segment(tight, 0, 2, 2),
                                new PackedImages.Segment(spaced, 1, 3, 2)),
                        new int[4],
                        false);

        assertThat(IntStream.range(0, 4).mapToObj(i -> TestingImages.image(split, i)).toList())
                .containsExactly(
                        new byte[] {1, 2}, new byte[] {3, 4}, new byte[] {5, 6}, new byte[] {7, 8});
    }

    @Test
    void labelsSurviveMoreClassesThanAByteHolds() {
        int[] labels = {0, 255, 256, 299};
        ImageSplit split = TestingImages.noise(SHAPE, 300, labels);

        assertThat(IntStream.range(0, 4).map(split::label).toArray()).isEqualTo(labels);
    }

    @Test
    void sampleIdsOfTestAndTrainingDiffer() {
        int[] labels = {0, 0};

        assertThat(TestingImages.noise(SHAPE, 1, labels, false).sampleId(1)).isEqualTo(1);
        assertThat(TestingImages.noise(SHAPE, 1, labels, true).sampleId(1)).isEqualTo(4294967297L);
    }

    @Test
    void digestChangesWithEveryPartOfTheContent() {
        byte[] pixels = {1, 2, 3, 4};
        int[] labels = {0, 1};
        String digest = TestingImages.of(SHAPE, 2, labels, pixels, false).sha256();

        assertThat(digest).hasSize(64).isEqualTo(digest);
        assertThat(TestingImages.of(SHAPE, 2, labels, pixels.clone(), false).sha256())
                .isEqualTo(digest);
        assertThat(
                        List.of(
                                TestingImages.of(SHAPE, 2, labels, new byte[] {1, 2, 3, 5}, false)
                                        .sha256(),
                                TestingImages.of(SHAPE, 2, new int[] {1, 0}, pixels, false)
                                        .sha256(),
                                TestingImages.of(SHAPE, 3, labels, pixels, false).sha256(),
                                TestingImages.of(new ImageShape(1, 2, 1), 2, labels, pixels, false)
                                        .sha256()))
                .doesNotContain(digest)
                .doesNotHaveDuplicates();
    }

    @Test
    void indexOutsideTheSplitIsRefused() {
        ImageSplit split = TestingImages.noise(SHAPE, 1, new int[] {0, 0});

        assertThatThrownBy(() -> split.copyImage(2, new byte[2], 0))
                .isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> split.label(-1)).isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void emptySplitIsNamed() {
        assertThatThrownBy(() -> TestingImages.noise(SHAPE, 1, new int[0]))
                .isInstanceOfSatisfying(
                        DatasetException.class,
                        e -> assertThat(e.reason()).isEqualTo(DatasetException.Reason.EMPTY))
                .hasMessage("no images: found=0 in test data");
    }

    @Test
    void labelOutOfRangeIsNamed() {
        assertThatThrownBy(() -> TestingImages.noise(SHAPE, 2, new int[] {0, 2}))
                .hasMessage("label out of range in test data: found=2 at image 1, expected=0 to 1");
    }
}
