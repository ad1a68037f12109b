package io.abmesh.data.image;

import java.util.List;

/** Size of one image, {@code [C, H, W]}; one byte per element. */
public record ImageShape(int channels, int height, int width) {
    public ImageShape {
        if (channels < 1 || height < 1 || width < 1) {
            throw new IllegalArgumentException(
                    "image size must be positive: found=["
                            + channels
                            + ", "
                            + height
                            + ", "
                            + width
                            + "]");
        }
        Math.multiplyExact(Math.multiplyExact(channels, height), width);
    }

    /** Bytes of one image, {@code C * H * W}. */
    public int bytes() {
        return channels * height * width;
    }

    /** The shape as a list {@code [C, H, W]}. */
    public List<Long> toList() {
        return List.of((long) channels, (long) height, (long) width);
    }

    @Override
    public String toString() {
        return "[" + channels + ", " + height + ", " + width + "]";
    }
}
