package io.abmesh.data.schedule;

import io.abmesh.data.image.DatasetException;
import io.abmesh.data.image.ImageSplit;
import java.util.Arrays;

/**
 * Which samples of a split to use. The choice is a pure function of the rule and the split's
 * labels.
 *
 * @param images this many samples; 0: by {@code fraction}
 * @param fraction share of the split in (0, 1], rounded to the nearest count; not read when {@code
 *     images} is set
 * @param balanced as many samples of each class, within one
 * @param seed of the choice
 */
public record SubsetRule(int images, double fraction, boolean balanced, long seed) {
    /** Every sample. */
    public static final SubsetRule ALL = new SubsetRule(0, 1, false, 0);

    private static final long PURPOSE = 0x737562736574L;

    public SubsetRule {
        if (images < 0) {
            throw new IllegalArgumentException(
                    "images must not be negative: found=" + images + ", expected>=0");
        }
        if (images == 0 && !(fraction > 0 && fraction <= 1)) {
            throw new IllegalArgumentException(
                    "fraction out of range: found=" + fraction + ", expected in (0, 1]");
        }
    }

    /** Samples that the rule asks for of a split with that many. */
    public int count(int splitSize) {
        return images > 0 ? images : (int) Math.round(fraction * splitSize);
    }

    /**
     * Chooses samples.
     *
     * @return indices into the split, ascending
     * @throws DatasetException SUBSET if the split, or a class of it, is too small, or nothing is
     *     left
     */
    public int[] choose(ImageSplit split) {
        int wanted = count(split.size());
        if (wanted == 0) {
            throw refused(
                    "the subset is empty: fraction="
                            + fraction
                            + " of "
                            + split.size()
                            + " images");
        }
        if (wanted > split.size()) {
            throw refused(
                    "more images are wanted than there are: found="
                            + split.size()
                            + ", expected>="
                            + wanted);
        }
        int[] order = Permutation.of(split.size(), Mixing.mix(seed, PURPOSE, 0));
        int[] chosen =
                balanced ? balancedPrefix(split, order, wanted) : Arrays.copyOf(order, wanted);
        Arrays.sort(chosen);
        return chosen;
    }

    private int[] balancedPrefix(ImageSplit split, int[] order, int wanted) {
        int classes = split.classCount();
        int[] quota = new int[classes];
        Arrays.fill(quota, wanted / classes);
        int[] classOrder = Permutation.of(classes, Mixing.mix(seed, PURPOSE, 1));
        for (int i = 0; i < wanted % classes; i++) {
            quota[classOrder[i]]++;
        }
        int[] taken = new int[classes];
        int[] chosen = new int[wanted];
        int count = 0;
        for (int index : order) {
            int label = split.label(index);
            if (taken[label] < quota[label]) {
                taken[label]++;
                chosen[count++] = index;
            }
        }
        for (int label = 0; label < classes; label++) {
            if (taken[label] < quota[label]) {
                throw refused(
                        "class "
                                + split.classNames().get(label)
                                + " is too small for a balanced choice of "
                                + wanted
                                + " images: found="
                                + taken[label]
                                + ", expected>="
                                + quota[label]);
            }
        }
        return chosen;
    }

    private static DatasetException refused(String message) {
        return new DatasetException(DatasetException.Reason.SUBSET, message);
    }
}
