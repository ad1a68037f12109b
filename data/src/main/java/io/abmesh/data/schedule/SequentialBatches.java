package io.abmesh.data.schedule;

import static java.util.Objects.checkIndex;

import io.abmesh.data.image.ImageSplit;

/**
 * Cuts samples into batches in their order, each sample once and as it is: what an evaluation sees.
 * The last batch may be smaller. Thread-safe.
 */
public final class SequentialBatches {
    private final ImageSplit split;
    private final int[] subset;
    private final int batch;

    /** Batches of at most {@code batch} of the samples {@code subset} of a split. */
    public SequentialBatches(ImageSplit split, int[] subset, int batch) {
        if (batch < 1 || subset.length < 1) {
            throw new IllegalArgumentException(
                    "nothing to cut: batch=" + batch + ", samples=" + subset.length);
        }
        this.split = split;
        this.subset = subset.clone();
        this.batch = batch;
    }

    /** Samples of all batches. */
    public int sampleCount() {
        return subset.length;
    }

    /** Number of batches. */
    public int count() {
        return (subset.length - 1) / batch + 1;
    }

    /** Renders a batch, in {@code [0, count)}. */
    public MicroBatch batch(int index) {
        int start = checkIndex(index, count()) * batch;
        int end = Math.min(subset.length, start + batch);
        BatchRenderer renderer = new BatchRenderer(split, end - start);
        for (int i = start; i < end; i++) {
            renderer.add(subset[i], View.IDENTITY);
        }
        return renderer.finish();
    }

    /**
     * Renders samples at equal distances over all of them, so that those of a folder that is sorted
     * by class are of all classes.
     *
     * @param samples in {@code [1, sampleCount]}
     */
    public MicroBatch spread(int samples) {
        if (samples < 1 || samples > subset.length) {
            throw new IllegalArgumentException(
                    "samples: found=" + samples + ", expected=1 to " + subset.length);
        }
        BatchRenderer renderer = new BatchRenderer(split, samples);
        for (int i = 0; i < samples; i++) {
            renderer.add(subset[(int) ((long) i * subset.length / samples)], View.IDENTITY);
        }
        return renderer.finish();
    }
}
