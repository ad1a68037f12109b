package io.abmesh.data.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.abmesh.data.image.DatasetException;
import io.abmesh.data.image.DatasetException.Reason;
import io.abmesh.data.image.ImageDataset;
import io.abmesh.data.image.ImageShape;
import io.abmesh.data.image.TestingImages;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class FolderSourceTest {
    private static final int RGB = BufferedImage.TYPE_INT_RGB;
    private static final int GRAY = BufferedImage.TYPE_BYTE_GRAY;

    @TempDir Path folder;

    private Path write(String name, int type, int height, int width) throws IOException {
        return TestingFiles.writePicture(
                folder.resolve(name), TestingFiles.picture(type, height, width));
    }

    private void writeFolders(int type) throws IOException {
        write("train/dog/2.png", type, 4, 5);
        write("train/dog/1.png", type, 4, 5);
        write("train/cat/1.jpg", type, 4, 5);
        write("test/dog/x.JPEG", type, 4, 5);
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

    @Test
    void classesAreTheTrainingFoldersByName() throws IOException {
        writeFolders(RGB);
        Files.createFile(folder.resolve("train/dog/notes.txt"));
        Files.createFile(folder.resolve("train/dog/.hidden.png"));

        ImageDataset dataset = open();

        assertThat(dataset.format()).isEqualTo("folder");
        assertThat(dataset.shape()).isEqualTo(new ImageShape(3, 4, 5));
        assertThat(dataset.classNames()).containsExactly("cat", "dog");
        assertThat(IntStream.range(0, 3).map(dataset.train()::label).toArray())
                .containsExactly(0, 1, 1);
        assertThat(dataset.test().label(0)).isEqualTo(1);
    }

    @Test
    void colourBecomesRedGreenAndBluePlanes() throws IOException {
        writeFolders(RGB);

        byte[] image = TestingImages.image(open().train(), 1);

        for (int y = 0; y < 4; y++) {
            for (int x = 0; x < 5; x++) {
                assertThat(image[y * 5 + x] & 0xFF).isEqualTo(10 * y);
                assertThat(image[20 + y * 5 + x] & 0xFF).isEqualTo(10 * x);
                assertThat(image[40 + y * 5 + x] & 0xFF).isEqualTo(200);
            }
        }
    }

    @Test
    void grayKeepsItsStoredValuesInOneChannel() throws IOException {
        writeFolders(GRAY);

        ImageDataset dataset = open();

        assertThat(dataset.shape()).isEqualTo(new ImageShape(1, 4, 5));
        byte[] png = TestingImages.image(dataset.train(), 1);
        byte[] jpeg = TestingImages.image(dataset.train(), 0);
        for (int y = 0; y < 4; y++) {
            for (int x = 0; x < 5; x++) {
                assertThat(png[y * 5 + x] & 0xFF).isEqualTo(TestingFiles.gray(y, x));
                // JPEG loses a little
                assertThat(jpeg[y * 5 + x] & 0xFF).isCloseTo(TestingFiles.gray(y, x), within(12));
            }
        }
    }

    @Test
    void grayAmongColourBecomesThreeEqualChannels() throws IOException {
        writeFolders(RGB);
        write("train/dog/3.png", GRAY, 4, 5);

        byte[] image = TestingImages.image(open().train(), 3);

        for (int i = 0; i < 20; i++) {
            assertThat(image[i] & 0xFF).isEqualTo(TestingFiles.gray(i / 5, i % 5));
            assertThat(image[20 + i]).isEqualTo(image[i]);
            assertThat(image[40 + i]).isEqualTo(image[i]);
        }
    }

    @Test
    void blackAndWhiteIsGray() throws IOException {
        writeFolders(GRAY);
        BufferedImage bits = new BufferedImage(5, 4, BufferedImage.TYPE_BYTE_BINARY);
        bits.setRGB(2, 1, 0xFFFFFFFF);
        TestingFiles.writePicture(folder.resolve("train/dog/3.png"), bits);

        byte[] image = TestingImages.image(open().train(), 3);

        assertThat(image[7]).isEqualTo((byte) 255);
        assertThat(image[0]).isZero();
    }

    @Test
    void colourAmongGrayIsNamed() throws IOException {
        writeFolders(GRAY);
        Path file = write("train/dog/3.png", RGB, 4, 5);

        assertMalformed(
                "colour image among gray ones in "
                        + file
                        + ": found=3 channels, expected=1, as the first image");
    }

    @Test
    void otherSizeIsNamed() throws IOException {
        writeFolders(RGB);
        Path file = write("test/cat/1.png", RGB, 5, 4);

        assertMalformed(
                "image size differs from the first image's in "
                        + file
                        + ": found=5x4, expected=4x5");
    }

    @ParameterizedTest
    @ValueSource(strings = {"train/dog/3.jpg", "train/dog/3.png"})
    void pictureThatEndsTooEarlyIsNamed(String name) throws IOException {
        writeFolders(RGB);
        BufferedImage noise = new BufferedImage(5, 4, RGB);
        byte[] values = TestingFiles.noise(60, 3);
        for (int i = 0; i < 20; i++) {
            noise.setRGB(i % 5, i / 5, values[3 * i] << 16 | values[3 * i + 1] << 8 | values[i]);
        }
        Path file = TestingFiles.writePicture(folder.resolve(name), noise);
        byte[] bytes = Files.readAllBytes(file);
        Files.write(file, Arrays.copyOf(bytes, bytes.length - 30));

        assertThatThrownBy(this::open)
                .isInstanceOfSatisfying(
                        DatasetException.class,
                        e -> assertThat(e.reason()).isEqualTo(Reason.MALFORMED))
                .hasMessageStartingWith("image file is broken: " + file + ": ");
    }

    @Test
    void everyCutOfAFileIsNamedOrLosesNoPixel() throws IOException {
        for (String name : List.of("a.jpg", "a.png")) {
            Path file = write(name, RGB, 4, 5);
            byte[] whole = Files.readAllBytes(file);
            byte[] pixels = Picture.read(file, null).pixels();
            for (int length = 0; length < whole.length; length++) {
                Files.write(file, Arrays.copyOf(whole, length));
                try {
                    assertThat(Picture.read(file, null).pixels()).isEqualTo(pixels);
                } catch (DatasetException e) {
                    assertThat(e.reason()).isEqualTo(Reason.MALFORMED);
                    assertThat(e).hasMessageContaining(file.toString());
                }
            }
        }
    }

    @Test
    void fileThatIsNoPictureIsNamed() throws IOException {
        writeFolders(RGB);
        Path file = folder.resolve("train/dog/3.jpg");
        Files.writeString(file, "not a picture");

        assertMalformed("not an image in " + file + ": found=no PNG or JPEG header, expected=one");
    }

    @Test
    void testClassWithoutTrainingImagesIsNamed() throws IOException {
        writeFolders(RGB);
        write("test/cow/1.png", RGB, 4, 5);

        assertMalformed(
                "class without training images in "
                        + folder.resolve("test")
                        + ": found=cow, expected=[cat, dog]");
    }

    @Test
    void splitWithoutImagesIsNamed() throws IOException {
        writeFolders(RGB);
        Files.delete(folder.resolve("test/dog/x.JPEG"));

        assertThatThrownBy(this::open)
                .isInstanceOfSatisfying(
                        DatasetException.class, e -> assertThat(e.reason()).isEqualTo(Reason.EMPTY))
                .hasMessage(
                        "no images in "
                                + folder.resolve("test")
                                + ": found=0, expected=CLASS/*.png, *.jpg or *.jpeg");
    }

    @Test
    void missingSplitIsNamed() throws IOException {
        write("train/dog/1.png", RGB, 4, 5);

        assertThatThrownBy(this::open)
                .hasMessage(
                        "folder is missing: expected="
                                + folder.resolve("test")
                                + " with one folder of images for each class");
    }

    @Test
    void dataBeyondTheHeapLimitIsTheSameInMappedPieces() throws IOException {
        writeFolders(RGB);
        for (int i = 3; i < 9; i++) {
            BufferedImage image = TestingFiles.picture(RGB, 4, 5);
            image.setRGB(0, 0, i);
            TestingFiles.writePicture(folder.resolve("train/dog/" + i + ".png"), image);
        }

        // pieces of two images of 60 bytes, the last with one
        ImageDataset mapped = new FolderSource(0, 150).open(folder.toString(), folder);

        assertThat(mapped.train().size()).isEqualTo(9);
        assertThat(mapped.train().sha256()).isEqualTo(open().train().sha256());
        assertThat(mapped.test().sha256()).isEqualTo(open().test().sha256());
    }
}
