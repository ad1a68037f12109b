package io.abmesh.data.source;

import io.abmesh.data.image.DatasetException;
import io.abmesh.data.image.DatasetException.Reason;
import io.abmesh.data.image.ImageDataset;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;

/** Opens data sets by what a plan's {@code location} says. */
public final class ImageDatasets {
    /** The data set inside the program: 4,000 training and 2,000 test images of Fashion-MNIST. */
    public static final String BUILT_IN = "builtin:fashion-mnist";

    private static final String BUILT_IN_PREFIX = "builtin:";

    private ImageDatasets() {}

    /**
     * Opens a data set: {@value #BUILT_IN}, or a folder whose kind is told by its files: IDX
     * (MNIST, Fashion-MNIST; plain or {@code .gz}), CIFAR-10, CIFAR-100, or {@code train/CLASS/}
     * and {@code test/CLASS/} with PNG and JPEG files. Large files are mapped, not read; they must
     * not change afterwards.
     *
     * @param location name or path; a relative path is relative to {@code baseDirectory}
     * @throws DatasetException NOT_FOUND, UNREADABLE, MALFORMED or EMPTY, with the file
     */
    public static ImageDataset open(String location, Path baseDirectory) {
        if (location.startsWith(BUILT_IN_PREFIX)) {
            if (!location.equals(BUILT_IN)) {
                throw new DatasetException(
                        Reason.NOT_FOUND,
                        "no such built-in data: found=" + location + ", expected=" + BUILT_IN);
            }
            return IdxSource.builtIn(location);
        }
        Path folder = resolve(location, baseDirectory);
        if (!Files.isDirectory(folder)) {
            throw new DatasetException(
                    Reason.NOT_FOUND,
                    (Files.exists(folder) ? "data location is not a folder: " : "no such folder: ")
                            + folder);
        }
        if (IdxSource.recognises(folder)) {
            return IdxSource.open(location, folder);
        }
        if (CifarSource.recognisesTen(folder)) {
            return CifarSource.openTen(location, folder);
        }
        if (CifarSource.recognisesHundred(folder)) {
            return CifarSource.openHundred(location, folder);
        }
        if (FolderSource.recognises(folder)) {
            return new FolderSource().open(location, folder);
        }
        throw new DatasetException(
                Reason.NOT_FOUND,
                "no images in "
                        + folder
                        + ": expected=train-images-idx3-ubyte[.gz] (IDX), data_batch_1.bin"
                        + " (CIFAR-10), train.bin (CIFAR-100), or folders train/CLASS and test/CLASS");
    }

    private static Path resolve(String location, Path baseDirectory) {
        try {
            return baseDirectory.resolve(location).toAbsolutePath().normalize();
        } catch (InvalidPathException e) {
            throw new DatasetException(
                    Reason.NOT_FOUND, "not a path: found=" + location + ": " + e.getReason(), e);
        }
    }
}
