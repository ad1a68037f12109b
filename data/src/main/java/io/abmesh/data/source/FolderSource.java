package io.abmesh.data.source;

import io.abmesh.data.image.DatasetException;
import io.abmesh.data.image.DatasetException.Reason;
import io.abmesh.data.image.ImageDataset;
import io.abmesh.data.image.ImageShape;
import io.abmesh.data.image.ImageSplit;
import io.abmesh.data.image.PackedImages;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Reads {@code train/CLASS/*.png|jpg|jpeg} and {@code test/CLASS/...}. Classes are the folders of
 * {@code train} by name; samples are in the order of class, then file name. Every file is decoded
 * once, when the data set is opened, so a broken one is found before training.
 *
 * <p>Pixels are kept on the heap up to {@value #HEAP_LIMIT_BYTES} bytes per split, beyond that in a
 * temporary file.
 */
final class FolderSource {
    private static final long HEAP_LIMIT_BYTES = 64L << 20;
    private static final long SEGMENT_LIMIT_BYTES = 1L << 30;

    /** A file and its class. */
    private record LabelledFile(Path file, int label) {}

    private final long heapLimitBytes;
    private final long segmentLimitBytes;

    FolderSource() {
        this(HEAP_LIMIT_BYTES, SEGMENT_LIMIT_BYTES);
    }

    /** With the limits of {@link PixelStore}. */
    FolderSource(long heapLimitBytes, long segmentLimitBytes) {
        this.heapLimitBytes = heapLimitBytes;
        this.segmentLimitBytes = segmentLimitBytes;
    }

    static boolean recognises(Path folder) {
        return Files.isDirectory(folder.resolve("train"))
                || Files.isDirectory(folder.resolve("test"));
    }

    ImageDataset open(String location, Path folder) {
        Path trainFolder = requireFolder(folder.resolve("train"));
        Path testFolder = requireFolder(folder.resolve("test"));
        List<String> names = new ArrayList<>();
        for (Path entry : DatasetFiles.list(trainFolder)) {
            if (Files.isDirectory(entry)) {
                names.add(entry.getFileName().toString());
            }
        }
        for (Path entry : DatasetFiles.list(testFolder)) {
            String name = entry.getFileName().toString();
            if (Files.isDirectory(entry) && !names.contains(name)) {
                throw DatasetFiles.malformed(
                        testFolder, "class without training images", name, names);
            }
        }
        ImageSplit train = split(trainFolder, names, null, false);
        ImageSplit test = split(testFolder, names, train.shape(), true);
        return new ImageDataset(location, "folder", train, test, Optional.empty());
    }

    private static Path requireFolder(Path folder) {
        if (!Files.isDirectory(folder)) {
            throw new DatasetException(
                    Reason.NOT_FOUND,
                    "folder is missing: expected="
                            + folder
                            + " with one folder of images for each class");
        }
        return folder;
    }

    private ImageSplit split(
            Path folder, List<String> names, @Nullable ImageShape required, boolean test) {
        List<LabelledFile> files = files(folder, names);
        if (files.isEmpty()) {
            throw new DatasetException(
                    Reason.EMPTY,
                    "no images in " + folder + ": found=0, expected=CLASS/*.png, *.jpg or *.jpeg");
        }
        Picture first = Picture.read(files.get(0).file(), required);
        ImageShape shape = first.shape();
        int[] labels = new int[files.size()];
        try (PixelStore store =
                new PixelStore(shape.bytes(), labels.length, heapLimitBytes, segmentLimitBytes)) {
            for (int i = 0; i < labels.length; i++) {
                LabelledFile file = files.get(i);
                store.add((i == 0 ? first : Picture.read(file.file(), shape)).pixels());
                labels[i] = file.label();
            }
            return new PackedImages(
                    folder.toString(), shape, names, store.segments(), labels, test);
        }
    }

    private static List<LabelledFile> files(Path folder, List<String> names) {
        List<LabelledFile> files = new ArrayList<>();
        for (int label = 0; label < names.size(); label++) {
            Path classFolder = folder.resolve(names.get(label));
            if (!Files.isDirectory(classFolder)) {
                continue;
            }
            for (Path file : DatasetFiles.list(classFolder)) {
                String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
                if (name.endsWith(".png") || name.endsWith(".jpg") || name.endsWith(".jpeg")) {
                    files.add(new LabelledFile(file, label));
                }
            }
        }
        return files;
    }
}
