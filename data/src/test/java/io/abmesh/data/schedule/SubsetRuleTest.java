package io.abmesh.data.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.abmesh.data.image.DatasetException;
import io.abmesh.data.image.ImageShape;
import io.abmesh.data.image.ImageSplit;
import io.abmesh.data.image.TestingImages;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class SubsetRuleTest {
    private static final ImageShape SHAPE = new ImageShape(1, 1, 1);
    private final ImageSplit even =
            TestingImages.noise(SHAPE, 10, TestingImages.cyclicLabels(200, 10));

    @ParameterizedTest
    @ValueSource(ints = {1, 9, 10, 37, 100, 199, 200})
    void balancedChoiceHasClassesEqualWithinOne(int images) {
        int[] chosen = new SubsetRule(images, 0, true, 4).choose(even);

        int[] counts = new int[10];
        for (int index : chosen) {
            counts[even.label(index)]++;
        }
        assertThat(chosen).hasSize(images).isSorted().doesNotHaveDuplicates();
        int[] sorted = counts.clone();
        Arrays.sort(sorted);
        assertThat(sorted[9] - sorted[0]).isLessThanOrEqualTo(1);
    }

    @Test
    void choiceFollowsTheSeedAlone() {
        int[] chosen = new SubsetRule(50, 0, true, 4).choose(even);

        assertThat(new SubsetRule(50, 0, true, 4).choose(even)).isEqualTo(chosen);
        assertThat(new SubsetRule(50, 0, true, 5).choose(even)).isNotEqualTo(chosen);
    }

    @Test
    void unbalancedChoiceTakesAnySamples() {
        int[] chosen = new SubsetRule(0, 0.25, false, 1).choose(even);

        assertThat(chosen).hasSize(50).isSorted().doesNotHaveDuplicates();
        assertThat(SubsetRule.ALL.choose(even)).hasSize(200).isSorted();
    }

    @Test
    void moreImagesThanThereAreIsNamed() {
        assertThatThrownBy(() -> new SubsetRule(201, 0, true, 1).choose(even))
                .isInstanceOfSatisfying(
                        DatasetException.class,
                        e -> assertThat(e.reason()).isEqualTo(DatasetException.Reason.SUBSET))
                .hasMessage("more images are wanted than there are: found=200, expected>=201");
    }

    @Test
    void fractionThatLeavesNothingIsNamed() {
        assertThatThrownBy(() -> new SubsetRule(0, 0.001, false, 1).choose(even))
                .hasMessage("the subset is empty: fraction=0.001 of 200 images");
    }

    @Test
    void classTooSmallToBalanceIsNamed() {
        int[] labels = TestingImages.cyclicLabels(20, 2);
        Arrays.fill(labels, 4, 20, 0);
        ImageSplit uneven = TestingImages.noise(SHAPE, 2, labels);

        assertThatThrownBy(() -> new SubsetRule(10, 0, true, 1).choose(uneven))
                .hasMessage(
                        "class class1 is too small for a balanced choice of 10 images: found=2,"
                                + " expected>=5");
        assertThat(new SubsetRule(4, 0, true, 1).choose(uneven)).hasSize(4);
    }

    @Test
    void senselessRuleIsRefused() {
        assertThatThrownBy(() -> new SubsetRule(0, 0, true, 1))
                .hasMessage("fraction out of range: found=0.0, expected in (0, 1]");
        assertThatThrownBy(() -> new SubsetRule(0, Double.NaN, true, 1))
                .hasMessage("fraction out of range: found=NaN, expected in (0, 1]");
        assertThatThrownBy(() -> new SubsetRule(-1, 1, true, 1))
                .hasMessage("images must not be negative: found=-1, expected>=0");
    }
}
