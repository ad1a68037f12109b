package io.abmesh.coordinator.page;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class CurveTest {
    private static final int LONG = 100_000;

    private final Curve curve = new Curve();

    @Test
    void fewValuesStayAsTheyAre() {
        for (int step = 10; step < 10 + Curve.MOST_BUCKETS; step++) {
            curve.add(step, 2 * step);
        }
        assertThat(curve.size()).isEqualTo(Curve.MOST_BUCKETS);
        assertThat(curve.width()).isEqualTo(1);
        assertThat(curve.step(0)).isEqualTo(10);
        assertThat(curve.mean(7)).isEqualTo(34);
        assertThat(curve.low(7)).isEqualTo(curve.high(7)).isEqualTo(34);
    }

    @Test
    void manyValuesTakeNoMoreBucketsThanAScreenShows() {
        fill(0);
        assertThat(curve.size()).isBetween(Curve.MOST_BUCKETS / 2, Curve.MOST_BUCKETS);
        assertThat(curve.width()).isEqualTo(128);
        assertThat(curve.sizeBytes()).isLessThan(64 << 10);
    }

    @Test
    void aSpikeOfOneStepIsSeenHoweverLongTheSeriesIs() {
        for (int step = 0; step < LONG; step++) {
            curve.add(step, step == 54_321 ? 1e6 : step == 12_345 ? -1e6 : 1);
        }
        assertThat(buckets().mapToDouble(curve::high).max()).hasValue(1e6);
        assertThat(buckets().mapToDouble(curve::low).min()).hasValue(-1e6);
    }

    @Test
    void everyValueCountsOnceInTheMeans() {
        double sum = fill(3);
        assertThat(buckets().mapToLong(curve::count).sum()).isEqualTo(LONG);
        assertThat(buckets().mapToDouble(i -> curve.mean(i) * curve.count(i)).sum())
                .isCloseTo(sum, within(1e-6));
        assertThat(buckets().allMatch(i -> curve.low(i) <= curve.high(i))).isTrue();
    }

    /** Each bucket against the values that its definition gives it, without a curve. */
    @Test
    void bucketsAreThoseOfTheValuesWhateverWasMergedBefore() {
        SplittableRandom random = new SplittableRandom(7);
        double[] values = random.doubles(5000).toArray();
        for (int step = 0; step < values.length; step++) {
            curve.add(100 + step, values[step]);
        }
        assertThat(curve.width()).isEqualTo(8);
        for (int bucket = 0; bucket < curve.size(); bucket++) {
            double[] own = Arrays.copyOfRange(values, 8 * bucket, 8 * bucket + 8);
            assertThat(curve.step(bucket)).isEqualTo(107 + 8L * bucket);
            assertThat(curve.mean(bucket))
                    .isCloseTo(Arrays.stream(own).average().orElseThrow(), within(1e-12));
            assertThat(curve.low(bucket)).isEqualTo((float) Arrays.stream(own).min().orElseThrow());
            assertThat(curve.high(bucket))
                    .isEqualTo((float) Arrays.stream(own).max().orElseThrow());
        }
    }

    @Test
    void aJumpOverStepsLeavesNoEmptyBucket() {
        curve.add(0, 1);
        curve.add(1_000_000, 2);
        assertThat(curve.size()).isEqualTo(2);
        assertThat(curve.mean(0)).isEqualTo(1);
        assertThat(curve.mean(1)).isEqualTo(2);
    }

    @Test
    void valuesThatAreNotFiniteAreLeftOut() {
        curve.add(1, Double.NaN);
        curve.add(2, Double.POSITIVE_INFINITY);
        curve.add(3, 4);
        assertThat(curve.size()).isEqualTo(1);
        assertThat(curve.mean(0)).isEqualTo(4);
    }

    @Test
    void stepsAscend() {
        curve.add(5, 1);
        assertThatThrownBy(() -> curve.add(5, 1)).hasMessage("steps ascend: found=5, last=5");
    }

    private IntStream buckets() {
        return IntStream.range(0, curve.size());
    }

    private double fill(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        double sum = 0;
        for (int step = 0; step < LONG; step++) {
            double value = random.nextDouble();
            sum += value;
            curve.add(step, value);
        }
        return sum;
    }
}
