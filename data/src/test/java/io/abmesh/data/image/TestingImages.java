package io.abmesh.data.image;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Splits of seeded noise for tests. */
public final class TestingImages {
    private TestingImages() {}

    /** A training split with the given labels and random pixels. */
    public static ImageSplit noise(ImageShape shape, int classes, int[] labels) {
        return noise(shape, classes, labels, false);
    }

    /** A split with the given labels and random pixels. */
    public static ImageSplit noise(ImageShape shape, int classes, int[] labels, boolean test) {
        byte[] pixels = new byte[shape.bytes() * labels.length];
        new Random(7).nextBytes(pixels);
        return of(shape, classes, labels, pixels, test);
    }

    /** A split with the given labels and pixels. */
    public static ImageSplit of(
            ImageShape shape, int classes, int[] labels, byte[] pixels, boolean test) {
        List<String> names = new ArrayList<>();
        for (int i = 0; i < classes; i++) {
            names.add("class" + i);
        }
        PackedImages.Segment segment =
                new PackedImages.Segment(ByteBuffer.wrap(pixels), 0, shape.bytes(), labels.length);
        return new PackedImages("test data", shape, names, List.of(segment), labels, test);
    }

    /** Labels {@code 0, 1, .., classes - 1, 0, 1, ..}. */
    public static int[] cyclicLabels(int count, int classes) {
        int[] labels = new int[count];
        for (int i = 0; i < count; i++) {
            labels[i] = i % classes;
        }
        return labels;
    }

    /** One image of a split. */
    public static byte[] image(ImageSplit split, int index) {
        byte[] image = new byte[split.shape().bytes()];
        split.copyImage(index, image, 0);
        return image;
    }
}
