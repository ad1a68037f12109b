package io.abmesh.data.schedule;

import io.abmesh.data.image.ImageShape;
import java.util.SplittableRandom;

/**
 * Draws views of samples, each a pure function of (seed, epoch, sample).
 *
 * @param crop pixels of reflect-padding before a random crop of the image's size; 0: none
 * @param flip mirrors with probability one half
 * @param variants 0: a fresh view each epoch; K &gt; 0: epoch {@code e} shows view {@code e mod K}
 */
public record Augmentation(int crop, boolean flip, int variants) {
    /** Every image as it is. */
    public static final Augmentation NONE = new Augmentation(0, false, 0);

    private static final long PURPOSE = 0x76696577L;

    public Augmentation {
        if (crop < 0 || crop > Short.MAX_VALUE) {
            throw new IllegalArgumentException(
                    "crop out of range: found=" + crop + ", expected=0 to " + Short.MAX_VALUE);
        }
        if (variants < 0) {
            throw new IllegalArgumentException(
                    "variants must not be negative: found=" + variants + ", expected>=0");
        }
    }

    /** True if images of this shape can be reflect-padded: {@code crop} is smaller than a side. */
    public boolean fits(ImageShape shape) {
        return crop < shape.height() && crop < shape.width();
    }

    /** The view of a sample in an epoch. */
    public View view(long seed, long epoch, long sampleId) {
        if (crop == 0 && !flip) {
            return View.IDENTITY;
        }
        long variant = variants > 0 ? epoch % variants : epoch;
        SplittableRandom random =
                new SplittableRandom(Mixing.mix(seed ^ PURPOSE, variant, sampleId));
        int rows = random.nextInt(2 * crop + 1) - crop;
        int columns = random.nextInt(2 * crop + 1) - crop;
        return new View(rows, columns, flip && random.nextBoolean());
    }
}
