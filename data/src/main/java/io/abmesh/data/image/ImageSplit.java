package io.abmesh.data.image;

import java.util.List;

/**
 * The training or the test part of a data set: labelled images of one size. Implementations are
 * immutable and thread-safe.
 */
public interface ImageSplit {
    /** First sample id of a test split: ids of training and test samples of a data set differ. */
    long TEST_IDS = 1L << 32;

    /** Size of every image. */
    ImageShape shape();

    /** Names of the classes; a label is an index into them. */
    List<String> classNames();

    /** Number of images, at least one. */
    int size();

    /** Class of an image, in {@code [0, classCount)}. */
    int label(int index);

    /**
     * Name of a sample that does not depend on which subset is used: its index in the split, plus
     * {@value #TEST_IDS} in a test split.
     */
    long sampleId(int index);

    /**
     * Copies the pixels of an image, {@code [C, H, W]}, to {@code target} from {@code offset} on.
     */
    void copyImage(int index, byte[] target, int offset);

    /**
     * SHA-256, lower-case hex, over shape, class count and every label and image in order. Read
     * once from all pixels (about a second for 180 MB), then remembered.
     */
    String sha256();

    /** Number of classes. */
    default int classCount() {
        return classNames().size();
    }
}
