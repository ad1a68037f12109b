package io.abmesh.data.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.abmesh.data.image.DatasetException;
import io.abmesh.data.image.DatasetException.Reason;
import io.abmesh.data.image.ImageDataset;
import io.abmesh.data.image.ImageShape;
import io.abmesh.data.image.TestingImages;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class IdxSourceTest {
    private static final List<String> NAMES =
            List.of(
                    "train-images-idx3-ubyte",
                    "train-labels-idx1-ubyte",
                    "t10k-images-idx3-ubyte",
                    "t10k-labels-idx1-ubyte");

    @TempDir Path folder;

    @BeforeEach
    void writeFiles() throws IOException {
        TestingFiles.writeIdx(folder);
    }

    private ImageDataset open() {
        return ImageDatasets.open(folder.toString(), Path.of("/"));
    }

    private void assertMalformed(String message) {
        assertThatThrownBy(this::open)
                .isInstanceOfSatisfying(
                        DatasetException.class,
                        e -> assertThat(e.reason()).isEqualTo(Reason.MALFORMED))
                .hasMessage(message);
    }

    private void truncate(String name, int bytes) throws IOException {
        Path file = folder.resolve(name);
        Files.write(file, Arrays.copyOf(Files.readAllBytes(file), bytes));
    }

    @Test
    void imagesAndLabelsAreReadFromBothSplits() {
        ImageDataset dataset = open();

        assertThat(dataset.format()).isEqualTo("idx");
        assertThat(dataset.shape()).isEqualTo(new ImageShape(1, 2, 3));
        assertThat(dataset.classNames()).containsExactly("0", "1", "2");
        assertThat(dataset.train().size()).isEqualTo(3);
        assertThat(dataset.test().size()).isEqualTo(2);
        assertThat(dataset.train().label(0)).isEqualTo(2);
        assertThat(dataset.test().label(1)).isEqualTo(2);
        assertThat(TestingImages.image(dataset.train(), 1))
                .isEqualTo(Arrays.copyOfRange(TestingFiles.noise(18, 1), 6, 12));
        assertThat(TestingImages.image(dataset.test(), 1))
                .isEqualTo(Arrays.copyOfRange(TestingFiles.noise(12, 2), 6, 12));
    }

    @Test
    void gzippedFilesHoldTheSameDataAsPlainOnes() throws IOException {
        String plain = open().train().sha256();
        for (String name : NAMES) {
            Path file = folder.resolve(name);
            Files.write(folder.resolve(name + ".gz"), TestingFiles.gzip(Files.readAllBytes(file)));
            Files.delete(file);
        }

        assertThat(open().train().sha256()).isEqualTo(plain);
    }

    @Test
    void truncatedFileIsNamedWithBothSizes() throws IOException {
        truncate(NAMES.get(0), 33);

        assertMalformed(
                "file is cut off in "
                        + folder.resolve(NAMES.get(0))
                        + ": found=33 bytes,"
                        + " expected=34");
    }

    @Test
    void truncatedHeaderIsNamed() throws IOException {
        truncate(NAMES.get(1), 5);

        assertMalformed(
                "file is cut off in "
                        + folder.resolve(NAMES.get(1))
                        + ": found=5 bytes,"
                        + " expected=8 or more");
    }

    @Test
    void truncatedGzipIsNamed() throws IOException {
        byte[] packed = TestingFiles.gzip(Files.readAllBytes(folder.resolve(NAMES.get(0))));
        Files.delete(folder.resolve(NAMES.get(0)));
        Path file = folder.resolve(NAMES.get(0) + ".gz");
        Files.write(file, Arrays.copyOf(packed, packed.length / 2));

        assertMalformed("gzip file is cut off: " + file + " ends too early");
    }

    @Test
    void shortContentInWholeGzipIsNamed() throws IOException {
        truncate(NAMES.get(0), 20);
        byte[] content = Files.readAllBytes(folder.resolve(NAMES.get(0)));
        Files.delete(folder.resolve(NAMES.get(0)));
        Path file = folder.resolve(NAMES.get(0) + ".gz");
        Files.write(file, TestingFiles.gzip(content));

        assertMalformed("file is cut off in " + file + ": found=20 bytes, expected=34");
    }

    @Test
    void fileThatIsNotGzipIsNamed() throws IOException {
        Path file = folder.resolve(NAMES.get(0) + ".gz");
        Files.move(folder.resolve(NAMES.get(0)), file);

        assertMalformed("gzip file is broken: " + file + ": ZipException Not in GZIP format");
    }

    @Test
    void wrongMagicNumberIsNamed() throws IOException {
        Path file = folder.resolve(NAMES.get(0));
        Files.copy(folder.resolve(NAMES.get(1)), file, StandardCopyOption.REPLACE_EXISTING);
        Files.write(file, new byte[32], StandardOpenOption.APPEND);

        assertMalformed(
                "magic number is wrong in " + file + ": found=0x00000801, expected=0x00000803");
    }

    @Test
    void longerFileThanAnnouncedIsNamed() throws IOException {
        truncate(NAMES.get(3), 11);

        assertMalformed(
                "file is longer than its header says in "
                        + folder.resolve(NAMES.get(3))
                        + ": found=11 bytes, expected=10");
    }

    @Test
    void headerThatAnnouncesTooMuchTakesNoMemory() throws IOException {
        Files.write(
                folder.resolve(NAMES.get(0)),
                TestingFiles.idx(new byte[1], Integer.MAX_VALUE, 28, 28));

        assertThatThrownBy(this::open)
                .hasMessageStartingWith("size in the header is too large in ")
                .hasMessageEndingWith("expected=at most 2 GiB");
    }

    @Test
    void countsThatDifferAreNamed() throws IOException {
        Files.write(folder.resolve(NAMES.get(1)), TestingFiles.idx(new byte[] {0, 1}, 2));

        assertMalformed(
                "labels do not belong to the images of training split of "
                        + folder
                        + ": found=2 labels, expected=3");
    }

    @Test
    void testLabelOfNoTrainingClassIsNamed() throws IOException {
        Files.write(folder.resolve(NAMES.get(3)), TestingFiles.idx(new byte[] {0, 7}, 2));

        assertMalformed(
                "label out of range in test split of "
                        + folder
                        + ": found=7 at image 1, expected=0 to 2");
    }

    @Test
    void emptySplitIsNamed() throws IOException {
        Files.write(folder.resolve(NAMES.get(2)), TestingFiles.idx(new byte[0], 0, 2, 3));
        Files.write(folder.resolve(NAMES.get(3)), TestingFiles.idx(new byte[0], 0));

        assertThatThrownBy(this::open)
                .isInstanceOfSatisfying(
                        DatasetException.class, e -> assertThat(e.reason()).isEqualTo(Reason.EMPTY))
                .hasMessage("no images: found=0 in test split of " + folder);
    }

    @Test
    void missingFileIsNamed() throws IOException {
        Files.delete(folder.resolve(NAMES.get(3)));

        assertThatThrownBy(this::open)
                .isInstanceOfSatisfying(
                        DatasetException.class,
                        e -> assertThat(e.reason()).isEqualTo(Reason.NOT_FOUND))
                .hasMessage(
                        "IDX file is missing in "
                                + folder
                                + ": expected=t10k-labels-idx1-ubyte, plain or .gz");
    }

    @Test
    void splitsOfDifferentSizeAreNamed() throws IOException {
        Files.write(
                folder.resolve(NAMES.get(2)), TestingFiles.idx(TestingFiles.noise(8, 1), 2, 2, 2));

        assertMalformed(
                "test images differ in size from training images in "
                        + folder
                        + ": found=[1, 2, 2], expected=[1, 2, 3]");
    }
}
