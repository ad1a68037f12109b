package io.abmesh.data.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.abmesh.data.image.ChannelStatistics;
import io.abmesh.data.image.DatasetException;
import io.abmesh.data.image.DatasetException.Reason;
import io.abmesh.data.image.ImageDataset;
import io.abmesh.data.image.ImageShape;
import io.abmesh.data.image.TestingImages;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class CifarSourceTest {
    @TempDir Path folder;

    private ImageDataset open() {
        return ImageDatasets.open(folder.toString(), Path.of("/"));
    }

    @Test
    void cifarTenIsReadInTheOrderOfItsFiles() throws IOException {
        TestingFiles.writeCifarTen(folder);

        ImageDataset dataset = open();

        assertThat(dataset.format()).isEqualTo("cifar10");
        assertThat(dataset.shape()).isEqualTo(new ImageShape(3, 32, 32));
        assertThat(dataset.classNames()).hasSize(10).startsWith("airplane").endsWith("truck");
        assertThat(dataset.statistics()).isEqualTo(ChannelStatistics.CIFAR10);
        assertThat(dataset.train().size()).isEqualTo(3 + 4 + 5 + 6 + 7);
        assertThat(dataset.test().size()).isEqualTo(3);
        // image 4 is the second of data_batch_2.bin
        byte[] second = TestingFiles.cifar(4, 1, 10, 2);
        assertThat(TestingImages.image(dataset.train(), 4))
                .isEqualTo(Arrays.copyOfRange(second, 3073 + 1, 2 * 3073));
        assertThat(IntStream.range(0, 8).map(dataset.train()::label).toArray())
                .containsExactly(0, 1, 2, 0, 1, 2, 3, 0);
    }

    @Test
    void cifarHundredIsReadByItsFineLabels() throws IOException {
        Files.write(folder.resolve("train.bin"), TestingFiles.cifar(101, 2, 100, 1));
        Files.write(folder.resolve("test.bin"), TestingFiles.cifar(2, 2, 100, 2));

        ImageDataset dataset = open();

        assertThat(dataset.format()).isEqualTo("cifar100");
        assertThat(dataset.classNames()).hasSize(100);
        assertThat(dataset.train().label(99)).isEqualTo(99);
        assertThat(dataset.train().label(100)).isZero();
        byte[] file = TestingFiles.cifar(101, 2, 100, 1);
        assertThat(TestingImages.image(dataset.train(), 100))
                .isEqualTo(Arrays.copyOfRange(file, 100 * 3074 + 2, 101 * 3074));
        assertThat(dataset.publishedStatistics()).isEmpty();
    }

    @Test
    void truncatedFileIsNamed() throws IOException {
        TestingFiles.writeCifarTen(folder);
        Path file = folder.resolve("data_batch_3.bin");
        Files.write(file, Arrays.copyOf(Files.readAllBytes(file), 5 * 3073 - 1));

        assertThatThrownBy(this::open)
                .isInstanceOfSatisfying(
                        DatasetException.class,
                        e -> assertThat(e.reason()).isEqualTo(Reason.MALFORMED))
                .hasMessage(
                        "CIFAR file is cut off in "
                                + file
                                + ": found=15364 bytes, expected=a multiple of 3073");
    }

    @Test
    void labelOutOfRangeIsNamed() throws IOException {
        TestingFiles.writeCifarTen(folder);
        Path file = folder.resolve("test_batch.bin");
        byte[] bytes = Files.readAllBytes(file);
        bytes[3073] = (byte) 200;
        Files.write(file, bytes);

        assertThatThrownBy(this::open)
                .hasMessage(
                        "label of image 1 is out of range in "
                                + file
                                + ": found=200, expected=0 to 9");
    }

    @Test
    void missingFileIsNamed() throws IOException {
        TestingFiles.writeCifarTen(folder);
        Files.delete(folder.resolve("data_batch_4.bin"));

        assertThatThrownBy(this::open)
                .hasMessage("CIFAR file is missing in " + folder + ": expected=data_batch_4.bin");
    }

    @Test
    void emptyFileIsAnEmptySplit() throws IOException {
        TestingFiles.writeCifarTen(folder);
        Files.write(folder.resolve("test_batch.bin"), new byte[0]);

        assertThatThrownBy(this::open)
                .isInstanceOfSatisfying(
                        DatasetException.class, e -> assertThat(e.reason()).isEqualTo(Reason.EMPTY))
                .hasMessage("no images: found=0 in test_batch.bin of " + folder);
    }
}
