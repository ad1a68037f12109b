package io.abmesh.data.image;

import java.util.List;
import java.util.Optional;

/**
 * Training and test images of equal shape and classes.
 *
 * @param location as the user wrote it
 * @param format {@code builtin}, {@code idx}, {@code cifar10}, {@code cifar100} or {@code folder}
 * @param train training split
 * @param test test split
 * @param publishedStatistics normalisation that everybody uses for this data set, if there is one
 */
public record ImageDataset(
        String location,
        String format,
        ImageSplit train,
        ImageSplit test,
        Optional<ChannelStatistics> publishedStatistics) {
    public ImageDataset {
        if (!train.shape().equals(test.shape())) {
            throw new DatasetException(
                    DatasetException.Reason.MALFORMED,
                    "test images differ in size from training images in "
                            + location
                            + ": found="
                            + test.shape()
                            + ", expected="
                            + train.shape());
        }
        if (!train.classNames().equals(test.classNames())) {
            throw new DatasetException(
                    DatasetException.Reason.MALFORMED,
                    "test classes differ from training classes in "
                            + location
                            + ": found="
                            + test.classNames()
                            + ", expected="
                            + train.classNames());
        }
    }

    /** Size of every image. */
    public ImageShape shape() {
        return train.shape();
    }

    /** Names of the classes, in the order of labels. */
    public List<String> classNames() {
        return train.classNames();
    }

    /**
     * Normalisation: the published values if there are any, else measured on the whole training
     * split (not on a chosen subset, so that plans with different subsets see the same input).
     */
    public ChannelStatistics statistics() {
        return publishedStatistics.orElseGet(() -> ChannelStatistics.measure(train));
    }
}
