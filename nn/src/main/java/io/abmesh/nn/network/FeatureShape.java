package io.abmesh.nn.network;

import java.util.List;

/**
 * Shape of one sample's features: {@code [C, H, W]}, or {@code [D]} as {@code channels = D} with
 * one row and one column.
 *
 * @param channels at least 1
 * @param rows at least 1
 * @param columns at least 1
 */
public record FeatureShape(int channels, int rows, int columns) {
    public FeatureShape {
        if (channels < 1 || rows < 1 || columns < 1) {
            throw new NetworkException(
                    "shape has an empty side: found=["
                            + channels
                            + ", "
                            + rows
                            + ", "
                            + columns
                            + "], min=1");
        }
    }

    /** Returns the shape that {@code sizes = [C, H, W]} names. */
    public static FeatureShape of(List<Long> sizes) {
        if (sizes.size() != 3) {
            throw new NetworkException(
                    "shape has a wrong rank: found=" + sizes + ", expected=[C, H, W]");
        }
        return new FeatureShape(
                Math.toIntExact(sizes.get(0)),
                Math.toIntExact(sizes.get(1)),
                Math.toIntExact(sizes.get(2)));
    }

    /** Returns {@code H * W}. */
    public int positions() {
        return rows * columns;
    }

    /** Returns {@code C * H * W}. */
    public int elements() {
        return channels * rows * columns;
    }

    /** Returns {@code [C, H, W]}. */
    public List<Long> toList() {
        return List.of((long) channels, (long) rows, (long) columns);
    }

    @Override
    public String toString() {
        return "[" + channels + ", " + rows + ", " + columns + "]";
    }
}
