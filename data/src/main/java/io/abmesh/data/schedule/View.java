package io.abmesh.data.schedule;

import io.abmesh.data.image.ImageShape;

/**
 * One way to see an image: moved by some rows and columns, with what enters at the border reflected
 * (without repeating the border pixel), then mirrored left and right or not. Reflect-padding by
 * {@code p} and cropping at {@code (y, x)} is the move {@code (y - p, x - p)}.
 *
 * @param shiftRows rows the window is moved down, -32768 to 32767
 * @param shiftColumns columns the window is moved right, -32768 to 32767
 * @param flip mirrored left and right
 */
public record View(int shiftRows, int shiftColumns, boolean flip) {
    /** The image as it is; its id is 0. */
    public static final View IDENTITY = new View(0, 0, false);

    private static final long FIELD = 0xFFFF;

    public View {
        if (shiftRows != (short) shiftRows || shiftColumns != (short) shiftColumns) {
            throw new IllegalArgumentException(
                    "shift out of range: found=["
                            + shiftRows
                            + ", "
                            + shiftColumns
                            + "], expected=-32768 to 32767");
        }
    }

    /** The view that an id stands for. */
    public static View of(long id) {
        return new View((short) (id >>> 1), (short) (id >>> 17), (id & 1) != 0);
    }

    /**
     * The view in a number: bit 0 flip, bits 1 to 16 rows, bits 17 to 32 columns (two's
     * complement). Equal ids mean equal pixels of the same sample, whatever augmentation drew them.
     */
    public long id() {
        return (shiftColumns & FIELD) << 17 | (shiftRows & FIELD) << 1 | (flip ? 1 : 0);
    }

    /**
     * Writes the view of {@code source} ({@code [C, H, W]}, from index 0) to {@code target} from
     * {@code offset} on. Shifts must be smaller than the image.
     */
    public void apply(ImageShape shape, byte[] source, byte[] target, int offset) {
        int height = shape.height();
        int width = shape.width();
        if (Math.abs(shiftRows) >= height || Math.abs(shiftColumns) >= width) {
            throw new IllegalArgumentException(
                    "shift is not smaller than the image: shift=["
                            + shiftRows
                            + ", "
                            + shiftColumns
                            + "], image="
                            + shape);
        }
        if (!flip && shiftRows == 0 && shiftColumns == 0) {
            System.arraycopy(source, 0, target, offset, shape.bytes());
            return;
        }
        int[] columns = new int[width];
        for (int x = 0; x < width; x++) {
            columns[x] = reflect((flip ? width - 1 - x : x) + shiftColumns, width);
        }
        int to = offset;
        for (int channel = 0; channel < shape.channels(); channel++) {
            for (int y = 0; y < height; y++) {
                int row = (channel * height + reflect(y + shiftRows, height)) * width;
                for (int x = 0; x < width; x++) {
                    target[to++] = source[row + columns[x]];
                }
            }
        }
    }

    private static int reflect(int position, int size) {
        int inside = Math.abs(position);
        return inside < size ? inside : 2 * (size - 1) - inside;
    }
}
