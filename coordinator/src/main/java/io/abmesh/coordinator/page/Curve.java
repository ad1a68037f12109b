package io.abmesh.coordinator.page;

import java.util.Arrays;

/**
 * A series of values over steps, as many of them as a screen can show.
 *
 * <p>Neighbouring steps share a bucket of {@link #width} steps, which keeps their mean and both
 * extremes (min/max decimation), so a spike of a single step stays visible however long the series
 * is. When {@value #MOST_BUCKETS} buckets are taken, neighbours are merged and the width doubles;
 * so there are never fewer than half of that once they were filled. Buckets start at multiples of
 * the width behind the first step: what a curve says depends on the values alone and not on when
 * they came. Adding costs O(1) amortised.
 *
 * <p>Not thread-safe.
 */
final class Curve {
    /** Buckets at most: {@value}. */
    static final int MOST_BUCKETS = 1024;

    private static final int FEWEST_BUCKETS = 16;
    private static final int BUCKET_BYTES = 2 * Long.BYTES + 2 * Float.BYTES + Integer.BYTES;

    private long[] last = new long[FEWEST_BUCKETS];
    private double[] sum = new double[FEWEST_BUCKETS];
    private float[] low = new float[FEWEST_BUCKETS];
    private float[] high = new float[FEWEST_BUCKETS];
    private int[] count = new int[FEWEST_BUCKETS];
    private int buckets;
    private long first;
    private long width = 1;

    /**
     * Adds a value; one that is not finite is left out.
     *
     * @throws IllegalArgumentException if the step is not behind the last one
     */
    void add(long step, double value) {
        if (buckets > 0 && step <= last[buckets - 1]) {
            throw new IllegalArgumentException(
                    "steps ascend: found=" + step + ", last=" + last[buckets - 1]);
        }
        if (!Double.isFinite(value)) {
            return;
        }
        if (buckets == 0) {
            first = step;
        }
        while ((step - first) / width >= MOST_BUCKETS) {
            merge();
        }
        if (buckets > 0 && bucket(last[buckets - 1]) == bucket(step)) {
            put(buckets - 1, step, value, (float) value, (float) value, 1);
        } else {
            grow();
            buckets++;
            put(buckets - 1, step, value, (float) value, (float) value, 1);
        }
    }

    /** Adds to a bucket, which is empty as long as it counts nothing. */
    private void put(int at, long step, double total, float least, float most, int values) {
        boolean empty = count[at] == 0;
        last[at] = step;
        sum[at] = empty ? total : sum[at] + total;
        low[at] = empty ? least : Math.min(low[at], least);
        high[at] = empty ? most : Math.max(high[at], most);
        count[at] += values;
    }

    private long bucket(long step) {
        return (step - first) / width;
    }

    private void merge() {
        width *= 2;
        int kept = 0;
        for (int i = 0; i < buckets; i++) {
            boolean same = kept > 0 && bucket(last[kept - 1]) == bucket(last[i]);
            int to = same ? kept - 1 : kept++;
            int values = count[i];
            if (!same) {
                count[to] = 0;
            }
            put(to, last[i], sum[i], low[i], high[i], values);
        }
        Arrays.fill(count, kept, buckets, 0);
        buckets = kept;
    }

    private void grow() {
        if (buckets == count.length) {
            int larger = 2 * buckets;
            last = Arrays.copyOf(last, larger);
            sum = Arrays.copyOf(sum, larger);
            low = Arrays.copyOf(low, larger);
            high = Arrays.copyOf(high, larger);
            count = Arrays.copyOf(count, larger);
        }
    }

    /** Returns the number of buckets that have a value. */
    int size() {
        return buckets;
    }

    /** Returns the steps that share a bucket. */
    long width() {
        return width;
    }

    /** Returns the last step of a bucket. */
    long step(int bucket) {
        return last[bucket];
    }

    /** Returns the mean of a bucket. */
    double mean(int bucket) {
        return sum[bucket] / count[bucket];
    }

    /** Returns the smallest value of a bucket. */
    float low(int bucket) {
        return low[bucket];
    }

    /** Returns the greatest value of a bucket. */
    float high(int bucket) {
        return high[bucket];
    }

    /** Returns the number of values of a bucket. */
    int count(int bucket) {
        return count[bucket];
    }

    /** Returns the memory that it takes. */
    long sizeBytes() {
        return (long) count.length * BUCKET_BYTES;
    }
}
