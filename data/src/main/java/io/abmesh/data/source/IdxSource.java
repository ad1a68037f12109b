package io.abmesh.data.source;

import io.abmesh.data.image.DatasetException;
import io.abmesh.data.image.DatasetException.Reason;
import io.abmesh.data.image.ImageDataset;
import io.abmesh.data.image.ImageShape;
import io.abmesh.data.image.ImageSplit;
import io.abmesh.data.image.PackedImages;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Reads MNIST-like data: four IDX files, as they are or gzipped; gray images. */
final class IdxSource {
    private static final String BUILT_IN_FOLDER = "/io/abmesh/data/fashion-mnist/";
    private static final List<String> FASHION_MNIST_CLASSES =
            List.of(
                    "t-shirt",
                    "trouser",
                    "pullover",
                    "dress",
                    "coat",
                    "sandal",
                    "shirt",
                    "sneaker",
                    "bag",
                    "ankle-boot");

    private IdxSource() {}

    static boolean recognises(Path folder) {
        return find(folder, "train", "images", 3).isPresent()
                || find(folder, "t10k", "images", 3).isPresent();
    }

    static ImageDataset open(String location, Path folder) {
        IdxFile trainImages = require(folder, "train", "images", 3);
        IdxFile trainLabels = require(folder, "train", "labels", 1);
        IdxFile testImages = require(folder, "t10k", "images", 3);
        IdxFile testLabels = require(folder, "t10k", "labels", 1);
        int classes = 0;
        for (int label : labels(trainLabels)) {
            classes = Math.max(classes, label + 1);
        }
        List<String> names = new ArrayList<>();
        for (int i = 0; i < classes; i++) {
            names.add(Integer.toString(i));
        }
        return new ImageDataset(
                location,
                "idx",
                split("training split of " + folder, trainImages, trainLabels, names, false),
                split("test split of " + folder, testImages, testLabels, names, true),
                Optional.empty());
    }

    /** The part of Fashion-MNIST inside the jar. */
    static ImageDataset builtIn(String location) {
        return new ImageDataset(
                location,
                "builtin",
                split(
                        location,
                        resource("train-images-idx3-ubyte.gz", 3),
                        resource("train-labels-idx1-ubyte.gz", 1),
                        FASHION_MNIST_CLASSES,
                        false),
                split(
                        location,
                        resource("t10k-images-idx3-ubyte.gz", 3),
                        resource("t10k-labels-idx1-ubyte.gz", 1),
                        FASHION_MNIST_CLASSES,
                        true),
                Optional.empty());
    }

    private static IdxFile resource(String name, int rank) {
        try (InputStream input = IdxSource.class.getResourceAsStream(BUILT_IN_FOLDER + name)) {
            if (input == null) {
                throw new DatasetException(
                        Reason.NOT_FOUND, "built-in data is missing from the program: " + name);
            }
            return IdxFile.unpack(input, name, rank);
        } catch (IOException e) {
            throw new DatasetException(Reason.UNREADABLE, "cannot read built-in data: " + name, e);
        }
    }

    private static ImageSplit split(
            String what, IdxFile images, IdxFile labels, List<String> names, boolean test) {
        ImageShape shape =
                new ImageShape(1, images.dimensions().get(1), images.dimensions().get(2));
        PackedImages.Segment segment =
                new PackedImages.Segment(
                        images.bytes(), images.offset(), shape.bytes(), images.dimensions().get(0));
        return new PackedImages(what, shape, names, List.of(segment), labels(labels), test);
    }

    private static int[] labels(IdxFile file) {
        int[] labels = new int[file.dimensions().get(0)];
        for (int i = 0; i < labels.length; i++) {
            labels[i] = file.bytes().get(file.offset() + i) & 0xFF;
        }
        return labels;
    }

    private static IdxFile require(Path folder, String part, String kind, int rank) {
        Path file =
                find(folder, part, kind, rank)
                        .orElseThrow(
                                () ->
                                        new DatasetException(
                                                Reason.NOT_FOUND,
                                                "IDX file is missing in "
                                                        + folder
                                                        + ": expected="
                                                        + part
                                                        + "-"
                                                        + kind
                                                        + "-idx"
                                                        + rank
                                                        + "-ubyte, plain or .gz"));
        return IdxFile.open(file, rank);
    }

    private static Optional<Path> find(Path folder, String part, String kind, int rank) {
        for (String separator : List.of("-", ".")) {
            String name = part + "-" + kind + separator + "idx" + rank + "-ubyte";
            for (String candidate : List.of(name, name + ".gz")) {
                if (Files.isRegularFile(folder.resolve(candidate))) {
                    return Optional.of(folder.resolve(candidate));
                }
            }
        }
        return Optional.empty();
    }
}
