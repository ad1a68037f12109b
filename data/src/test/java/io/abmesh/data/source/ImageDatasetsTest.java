package io.abmesh.data.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.abmesh.data.image.DatasetException;
import io.abmesh.data.image.DatasetException.Reason;
import io.abmesh.data.image.ImageDataset;
import io.abmesh.data.image.ImageShape;
import io.abmesh.data.image.ImageSplit;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ImageDatasetsTest {
    @TempDir Path folder;

    @Test
    void builtInDataIsBalancedFashionMnist() {
        ImageDataset dataset = ImageDatasets.open("builtin:fashion-mnist", folder);

        assertThat(dataset.format()).isEqualTo("builtin");
        assertThat(dataset.shape()).isEqualTo(new ImageShape(1, 28, 28));
        assertThat(dataset.classNames()).hasSize(10).startsWith("t-shirt").endsWith("ankle-boot");
        assertThat(countsOf(dataset.train())).containsOnly(400).hasSize(10);
        assertThat(countsOf(dataset.test())).containsOnly(200).hasSize(10);
    }

    /** Checkpoints and caches name these digests; other bytes would be another data set. */
    @Test
    void builtInDataStaysWhatItIs() {
        ImageDataset dataset = ImageDatasets.open("builtin:fashion-mnist", folder);

        assertThat(dataset.train().sha256())
                .isEqualTo("0f98c21957bc2a08e6caf24071bed15a75a8b0ccd7ae58901b88e07ed3524396");
        assertThat(dataset.test().sha256())
                .isEqualTo("7c39d5fd62b351591676367322d2fbf957582a3d6563a62d6461d67803225ac5");
    }

    private static int[] countsOf(ImageSplit split) {
        int[] counts = new int[split.classCount()];
        for (int i = 0; i < split.size(); i++) {
            counts[split.label(i)]++;
        }
        return counts;
    }

    @Test
    void builtInFilesStayUnderThreeMegabytes() throws IOException {
        long bytes = 0;
        for (String part : Arrays.asList("train", "t10k")) {
            for (String kind : Arrays.asList("images-idx3", "labels-idx1")) {
                String name = "/io/abmesh/data/fashion-mnist/" + part + "-" + kind + "-ubyte.gz";
                try (var input = ImageDatasets.class.getResourceAsStream(name)) {
                    bytes += input.readAllBytes().length;
                }
            }
        }

        assertThat(bytes).isLessThan(3_000_000);
    }

    @Test
    void relativePathIsRelativeToTheBaseDirectory() throws IOException {
        Files.createDirectories(folder.resolve("a/images"));
        TestingFiles.writeIdx(folder.resolve("a/images"));

        ImageDataset dataset = ImageDatasets.open("images", folder.resolve("a"));

        assertThat(dataset.train().size()).isEqualTo(3);
        assertThat(dataset.location()).isEqualTo("images");
    }

    @Test
    void unknownBuiltInDataIsNamed() {
        assertNotFound(
                "builtin:mnist",
                "no such built-in data: found=builtin:mnist, expected=builtin:fashion-mnist");
    }

    @Test
    void missingFolderIsNamed() {
        assertNotFound("nowhere", "no such folder: " + folder.resolve("nowhere"));
    }

    @Test
    void fileInsteadOfAFolderIsNamed() throws IOException {
        Path file = Files.createFile(folder.resolve("file"));

        assertNotFound("file", "data location is not a folder: " + file);
    }

    @Test
    void folderOfSomethingElseSaysWhatWasLookedFor() {
        assertNotFound(
                ".",
                "no images in "
                        + folder
                        + ": expected=train-images-idx3-ubyte[.gz] (IDX), data_batch_1.bin"
                        + " (CIFAR-10), train.bin (CIFAR-100), or folders train/CLASS and"
                        + " test/CLASS");
    }

    private void assertNotFound(String location, String message) {
        assertThatThrownBy(() -> ImageDatasets.open(location, folder))
                .isInstanceOfSatisfying(
                        DatasetException.class,
                        e -> assertThat(e.reason()).isEqualTo(Reason.NOT_FOUND))
                .hasMessage(message);
    }
}
