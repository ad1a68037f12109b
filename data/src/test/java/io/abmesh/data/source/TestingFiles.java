package io.abmesh.data.source;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import javax.imageio.ImageIO;

/** Makes data set files as their formats' descriptions say. */
final class TestingFiles {
    private TestingFiles() {}

    static byte[] idx(byte[] elements, int... dimensions) {
        ByteBuffer file = ByteBuffer.allocate(4 + 4 * dimensions.length + elements.length);
        file.putInt(0x800 | dimensions.length);
        for (int dimension : dimensions) {
            file.putInt(dimension);
        }
        return file.put(elements).array();
    }

    static byte[] gzip(byte[] bytes) throws IOException {
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (GZIPOutputStream output = new GZIPOutputStream(packed)) {
            output.write(bytes);
        }
        return packed.toByteArray();
    }

    static byte[] noise(int count, long seed) {
        byte[] bytes = new byte[count];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }

    /** Four IDX files: three training images and two test images of 2 x 3 pixels. */
    static void writeIdx(Path folder) throws IOException {
        Files.write(folder.resolve("train-images-idx3-ubyte"), idx(noise(18, 1), 3, 2, 3));
        Files.write(folder.resolve("train-labels-idx1-ubyte"), idx(new byte[] {2, 0, 1}, 3));
        Files.write(folder.resolve("t10k-images-idx3-ubyte"), idx(noise(12, 2), 2, 2, 3));
        Files.write(folder.resolve("t10k-labels-idx1-ubyte"), idx(new byte[] {1, 2}, 2));
    }

    /** A file of CIFAR records; labels count up from 0, modulo {@code classes}. */
    static byte[] cifar(int records, int labelBytes, int classes, long seed) {
        byte[] bytes = noise(records * (labelBytes + 3072), seed);
        for (int i = 0; i < records; i++) {
            int at = i * (labelBytes + 3072);
            bytes[at] = 0;
            bytes[at + labelBytes - 1] = (byte) (i % classes);
        }
        return bytes;
    }

    static void writeCifarTen(Path folder) throws IOException {
        for (int i = 1; i <= 5; i++) {
            Files.write(folder.resolve("data_batch_" + i + ".bin"), cifar(2 + i, 1, 10, i));
        }
        Files.write(folder.resolve("test_batch.bin"), cifar(3, 1, 10, 9));
    }

    /** A picture whose red, green and blue follow from the place of a pixel. */
    static BufferedImage picture(int type, int height, int width) {
        BufferedImage image = new BufferedImage(width, height, type);
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                if (type == BufferedImage.TYPE_BYTE_GRAY) {
                    image.getRaster().setSample(x, y, 0, gray(y, x));
                } else {
                    image.setRGB(x, y, 0xFF000000 | (10 * y) << 16 | (10 * x) << 8 | 200);
                }
            }
        }
        return image;
    }

    static int gray(int y, int x) {
        return 40 * y + 10 * x;
    }

    static Path writePicture(Path file, BufferedImage image) throws IOException {
        Files.createDirectories(file.getParent());
        String name = file.getFileName().toString();
        String format = name.endsWith(".png") ? "png" : "jpeg";
        if (!ImageIO.write(image, format, file.toFile())) {
            throw new IOException("no writer for " + file);
        }
        return file;
    }
}
