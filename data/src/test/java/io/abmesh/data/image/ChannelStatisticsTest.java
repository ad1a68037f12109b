package io.abmesh.data.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class ChannelStatisticsTest {
    @Test
    void channelsAreMeasuredApartAsUnsignedBytes() {
        byte[] pixels = {0, (byte) 200, 10, 10, (byte) 100, (byte) 100, 10, 10};
        ImageSplit split = TestingImages.of(new ImageShape(2, 1, 2), 1, new int[2], pixels, false);

        ChannelStatistics statistics = ChannelStatistics.measure(split);

        assertThat(statistics.mean()).containsExactly(100f, 10f);
        // sqrt(((0-100)^2 + (200-100)^2) / 4); the constant channel is divided by 1
        assertThat(statistics.std().get(0)).isCloseTo((float) Math.sqrt(5000), within(1e-4f));
        assertThat(statistics.std().get(1)).isEqualTo(1f);
    }

    @Test
    void publishedValuesWinOverMeasuredOnes() {
        ImageSplit split = TestingImages.noise(new ImageShape(3, 2, 2), 1, new int[4]);
        ImageDataset published =
                new ImageDataset(
                        "x", "cifar10", split, split, Optional.of(ChannelStatistics.CIFAR10));
        ImageDataset measured = new ImageDataset("x", "folder", split, split, Optional.empty());

        assertThat(published.statistics().mean()).containsExactly(125.3f, 123.0f, 113.9f);
        assertThat(published.statistics().std()).containsExactly(63.0f, 62.1f, 66.7f);
        assertThat(measured.statistics()).isEqualTo(ChannelStatistics.measure(split));
    }

    @Test
    void deviationOfZeroIsRefused() {
        assertThatThrownBy(() -> new ChannelStatistics(List.of(1f), List.of(0f)))
                .hasMessage("std must be positive: found=[0.0]");
        assertThatThrownBy(() -> new ChannelStatistics(List.of(1f), List.of()))
                .hasMessage("mean and std differ in length: mean=[1.0], std=[]");
    }
}
