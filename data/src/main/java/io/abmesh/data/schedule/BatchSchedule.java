package io.abmesh.data.schedule;

import io.abmesh.data.image.ImageSplit;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Tells what a step sees: a pure function of (split, subset, batch, augmentation, seed, step).
 *
 * <p>The sample stream is one seeded permutation of the subset per epoch, one after the other; step
 * {@code s} takes the samples {@code [s * batch, (s + 1) * batch)} of it, so no sample is dropped
 * and a batch may hold the end of one epoch and the start of the next. A sample's view belongs to
 * the epoch that it is taken from.
 *
 * <p>Thread-safe. Remembers the order of the {@value #REMEMBERED_EPOCHS} epochs used last: 4 bytes
 * per sample and epoch.
 */
public final class BatchSchedule {
    private static final int REMEMBERED_EPOCHS = 4;
    private static final long PURPOSE = 0x6f72646572L;

    private final ImageSplit split;
    private final int[] subset;
    private final int batch;
    private final int microBatches;
    private final Augmentation augmentation;
    private final long seed;
    private final Object lock = new Object();
    // Guarded by lock; arrays in it are never written again.
    private final Map<Long, int[]> orders = new LinkedHashMap<>(8, 0.75f, true);

    /**
     * A schedule over chosen samples.
     *
     * @param subset indices into {@code split}, at least {@code batch} of them
     * @param batch samples of a step, a multiple of {@code microBatches}
     * @throws IllegalArgumentException if the numbers do not fit together
     */
    public BatchSchedule(
            ImageSplit split,
            int[] subset,
            int batch,
            int microBatches,
            Augmentation augmentation,
            long seed) {
        if (batch < 1 || batch > subset.length) {
            throw new IllegalArgumentException(
                    "batch does not fit the data: found="
                            + batch
                            + ", expected=1 to "
                            + subset.length);
        }
        if (microBatches < 1 || batch % microBatches != 0) {
            throw new IllegalArgumentException(
                    "batch is not a multiple of its parts: batch="
                            + batch
                            + ", microBatches="
                            + microBatches);
        }
        if (!augmentation.fits(split.shape())) {
            throw new IllegalArgumentException(
                    "crop is not smaller than the image: found="
                            + augmentation.crop()
                            + ", image="
                            + split.shape());
        }
        this.split = split;
        this.subset = subset.clone();
        this.batch = batch;
        this.microBatches = microBatches;
        this.augmentation = augmentation;
        this.seed = seed;
    }

    /** Steps of so many passes over the data: the nearest whole number, at least 1. */
    public static long steps(double epochs, int sampleCount, int batch) {
        return Math.max(1, Math.round(epochs * sampleCount / batch));
    }

    /** Samples of an epoch. */
    public int sampleCount() {
        return subset.length;
    }

    /**
     * Renders one part of a step's batch.
     *
     * @param step counted from 0 at the start of the track
     * @param micro part, in {@code [0, microBatches)}
     */
    public MicroBatch microBatch(long step, int micro) {
        if (step < 0 || micro < 0 || micro >= microBatches) {
            throw new IllegalArgumentException(
                    "no such part: step=" + step + ", part=" + micro + " of " + microBatches);
        }
        int count = batch / microBatches;
        long start = Math.addExact(Math.multiplyExact(step, batch), (long) micro * count);
        BatchRenderer renderer = new BatchRenderer(split, count);
        for (long place = start; place < start + count; place++) {
            long epoch = place / subset.length;
            int index = subset[order(epoch)[(int) (place % subset.length)]];
            renderer.add(index, augmentation.view(seed, epoch, split.sampleId(index)));
        }
        return renderer.finish();
    }

    private int[] order(long epoch) {
        synchronized (lock) {
            int[] known = orders.get(epoch);
            if (known == null) {
                known = Permutation.of(subset.length, Mixing.mix(seed, PURPOSE, epoch));
                orders.put(epoch, known);
                if (orders.size() > REMEMBERED_EPOCHS) {
                    orders.remove(orders.keySet().iterator().next());
                }
            }
            return known;
        }
    }
}
