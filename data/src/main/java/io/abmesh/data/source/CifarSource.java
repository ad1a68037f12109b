package io.abmesh.data.source;

import io.abmesh.data.image.ChannelStatistics;
import io.abmesh.data.image.DatasetException;
import io.abmesh.data.image.DatasetException.Reason;
import io.abmesh.data.image.ImageDataset;
import io.abmesh.data.image.ImageShape;
import io.abmesh.data.image.ImageSplit;
import io.abmesh.data.image.PackedImages;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Reads the binary version of CIFAR-10 and CIFAR-100; files are mapped, not copied.
 *
 * <pre>
 * record of CIFAR-10:  label (1 byte), then 3072 bytes: red, green, blue plane of 32 x 32
 * record of CIFAR-100: coarse label (1 byte), fine label (1 byte), the same 3072 bytes
 * </pre>
 *
 * @see <a href="https://www.cs.toronto.edu/~kriz/cifar.html">the format's description</a>
 */
final class CifarSource {
    private static final ImageShape SHAPE = new ImageShape(3, 32, 32);
    private static final List<String> TEN_TRAINING_FILES =
            List.of(
                    "data_batch_1.bin",
                    "data_batch_2.bin",
                    "data_batch_3.bin",
                    "data_batch_4.bin",
                    "data_batch_5.bin");
    private static final String TEN_TEST_FILE = "test_batch.bin";
    private static final String HUNDRED_TRAINING_FILE = "train.bin";
    private static final String HUNDRED_TEST_FILE = "test.bin";
    private static final List<String> TEN_CLASSES =
            List.of(
                    "airplane",
                    "automobile",
                    "bird",
                    "cat",
                    "deer",
                    "dog",
                    "frog",
                    "horse",
                    "ship",
                    "truck");

    private CifarSource() {}

    static boolean recognisesTen(Path folder) {
        return Files.isRegularFile(folder.resolve(TEN_TEST_FILE))
                || TEN_TRAINING_FILES.stream()
                        .anyMatch(name -> Files.isRegularFile(folder.resolve(name)));
    }

    static boolean recognisesHundred(Path folder) {
        return Files.isRegularFile(folder.resolve(HUNDRED_TRAINING_FILE))
                || Files.isRegularFile(folder.resolve(HUNDRED_TEST_FILE));
    }

    static ImageDataset openTen(String location, Path folder) {
        return new ImageDataset(
                location,
                "cifar10",
                split(folder, TEN_TRAINING_FILES, 0, TEN_CLASSES, false),
                split(folder, List.of(TEN_TEST_FILE), 0, TEN_CLASSES, true),
                Optional.of(ChannelStatistics.CIFAR10));
    }

    static ImageDataset openHundred(String location, Path folder) {
        List<String> names = hundredClasses(folder);
        return new ImageDataset(
                location,
                "cifar100",
                split(folder, List.of(HUNDRED_TRAINING_FILE), 1, names, false),
                split(folder, List.of(HUNDRED_TEST_FILE), 1, names, true),
                Optional.empty());
    }

    private static ImageSplit split(
            Path folder, List<String> files, int labelAt, List<String> names, boolean test) {
        int stride = labelAt + 1 + SHAPE.bytes();
        List<PackedImages.Segment> segments = new ArrayList<>();
        List<Integer> labels = new ArrayList<>();
        for (String name : files) {
            Path file = folder.resolve(name);
            if (!Files.isRegularFile(file)) {
                throw new DatasetException(
                        Reason.NOT_FOUND,
                        "CIFAR file is missing in " + folder + ": expected=" + name);
            }
            ByteBuffer bytes = DatasetFiles.map(file);
            int size = bytes.capacity();
            if (size % stride != 0) {
                throw DatasetFiles.malformed(
                        file, "CIFAR file is cut off", size + " bytes", "a multiple of " + stride);
            }
            int count = size / stride;
            segments.add(new PackedImages.Segment(bytes, labelAt + 1, stride, count));
            for (int i = 0; i < count; i++) {
                int label = bytes.get(i * stride + labelAt) & 0xFF;
                if (label >= names.size()) {
                    throw DatasetFiles.malformed(
                            file,
                            "label of image " + i + " is out of range",
                            label,
                            "0 to " + (names.size() - 1));
                }
                labels.add(label);
            }
        }
        return new PackedImages(
                String.join(", ", files) + " of " + folder,
                SHAPE,
                names,
                segments,
                labels.stream().mapToInt(Integer::intValue).toArray(),
                test);
    }

    private static List<String> hundredClasses(Path folder) {
        Path file = folder.resolve("fine_label_names.txt");
        List<String> names = new ArrayList<>();
        if (Files.isRegularFile(file)) {
            try {
                for (String line : Files.readAllLines(file)) {
                    if (!line.isBlank()) {
                        names.add(line.strip());
                    }
                }
            } catch (IOException e) {
                throw DatasetFiles.unreadable(file, e);
            }
            if (names.size() != 100) {
                throw DatasetFiles.malformed(file, "class names", names.size(), 100);
            }
            return names;
        }
        for (int i = 0; i < 100; i++) {
            names.add(Integer.toString(i));
        }
        return names;
    }
}
