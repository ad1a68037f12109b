package io.abmesh.data.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.abmesh.data.image.ImageShape;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class AugmentationTest {
    @Test
    void viewsOfManyEpochsAreAllReachedAboutEquallyOften() {
        Augmentation augmentation = new Augmentation(1, true, 0);
        int draws = 18_000;
        int flips = 0;
        int[] places = new int[9];
        for (int epoch = 0; epoch < draws; epoch++) {
            View view = augmentation.view(3, epoch, 17);
            flips += view.flip() ? 1 : 0;
            places[3 * (view.shiftRows() + 1) + view.shiftColumns() + 1]++;
        }

        // five standard deviations of a binomial count
        assertThat(flips).isCloseTo(draws / 2, within(340));
        for (int place : places) {
            assertThat(place).isCloseTo(draws / 9, within(215));
        }
    }

    @Test
    void variantsComeBackAfterKEpochs() {
        Augmentation augmentation = new Augmentation(4, true, 3);
        for (long epoch = 0; epoch < 12; epoch++) {
            assertThat(augmentation.view(5, epoch, 9))
                    .isEqualTo(augmentation.view(5, epoch % 3, 9));
        }
        Set<View> views = new HashSet<>();
        for (long sample = 0; sample < 100; sample++) {
            for (long epoch = 0; epoch < 3; epoch++) {
                views.add(augmentation.view(5, epoch, sample));
            }
        }
        // 300 draws of 162 views reach 162 * (1 - exp(-300 / 162)) = 136 of them
        assertThat(views).hasSizeBetween(115, 157);
    }

    @Test
    void seedEpochAndSampleAllMatter() {
        Augmentation augmentation = new Augmentation(1000, true, 0);
        View view = augmentation.view(1, 2, 3);

        assertThat(augmentation.view(1, 2, 3)).isEqualTo(view);
        assertThat(augmentation.view(2, 2, 3)).isNotEqualTo(view);
        assertThat(augmentation.view(1, 3, 3)).isNotEqualTo(view);
        assertThat(augmentation.view(1, 2, 4)).isNotEqualTo(view);
        assertThat(augmentation.view(1, 3, 2)).isNotEqualTo(view);
    }

    @Test
    void withoutAugmentationEveryImageStaysAsItIs() {
        assertThat(Augmentation.NONE.view(1, 2, 3)).isEqualTo(View.IDENTITY);
    }

    @Test
    void cropMustBeSmallerThanTheImage() {
        ImageShape shape = new ImageShape(1, 4, 9);

        assertThat(new Augmentation(3, false, 0).fits(shape)).isTrue();
        assertThat(new Augmentation(4, false, 0).fits(shape)).isFalse();
        assertThatThrownBy(() -> new Augmentation(-1, false, 0))
                .hasMessage("crop out of range: found=-1, expected=0 to 32767");
        assertThatThrownBy(() -> new Augmentation(0, false, -1))
                .hasMessage("variants must not be negative: found=-1, expected>=0");
    }
}
