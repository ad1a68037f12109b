package io.abmesh.e2e.harness;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import javax.imageio.ImageIO;

/** Makes small data sets of noise, and spoils them. */
public final class TinyImages {

    private static final int SIZE = 28;
    private static final int CLASSES = 10;
    private static final int CIFAR_PIXELS = 3 * 32 * 32;

    private TinyImages() {}

    /**
     * Writes a folder of IDX files of 28 x 28 pixels with {@code train} and {@code test} images of
     * ten classes.
     */
    public static Path idx(Path folder, int train, int test) throws IOException {
        Files.createDirectories(folder);
        split(folder, "train", train);
        split(folder, "t10k", test);
        return folder;
    }

    /**
     * Writes a folder with {@code train/CLASS/I.png} and {@code test/CLASS/I.png} of 28 x 28 grey
     * pixels.
     */
    public static Path classFolders(Path folder, int imagesPerClass) throws IOException {
        for (String split : new String[] {"train", "test"}) {
            for (int label = 0; label < CLASSES; label++) {
                Path images = folder.resolve(split).resolve("class-" + label);
                Files.createDirectories(images);
                for (int i = 0; i < imagesPerClass; i++) {
                    BufferedImage image =
                            new BufferedImage(SIZE, SIZE, BufferedImage.TYPE_BYTE_GRAY);
                    image.getRaster().setSample(i % SIZE, label, 0, 255);
                    ImageIO.write(image, "png", images.resolve(i + ".png").toFile());
                }
            }
        }
        return folder;
    }

    /** Writes a folder of CIFAR-10's binary files with few images each. */
    public static Path cifar(Path folder, int imagesPerFile) throws IOException {
        Files.createDirectories(folder);
        for (String name :
                List.of(
                        "data_batch_1.bin",
                        "data_batch_2.bin",
                        "data_batch_3.bin",
                        "data_batch_4.bin",
                        "data_batch_5.bin",
                        "test_batch.bin")) {
            byte[] records = new byte[imagesPerFile * (1 + CIFAR_PIXELS)];
            new Random(name.hashCode()).nextBytes(records);
            for (int i = 0; i < imagesPerFile; i++) {
                records[i * (1 + CIFAR_PIXELS)] = (byte) (i % CLASSES);
            }
            Files.write(folder.resolve(name), records);
        }
        return folder;
    }

    /** Cuts a file to its first half. */
    public static void truncate(Path file) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        Files.write(file, Arrays.copyOf(bytes, bytes.length / 2));
    }

    private static void split(Path folder, String prefix, int count) throws IOException {
        byte[] pixels = new byte[count * SIZE * SIZE];
        new Random(count).nextBytes(pixels);
        byte[] labels = new byte[count];
        for (int i = 0; i < count; i++) {
            labels[i] = (byte) (i % CLASSES);
        }
        write(folder.resolve(prefix + "-images-idx3-ubyte"), pixels, 0x803, count, SIZE, SIZE);
        write(folder.resolve(prefix + "-labels-idx1-ubyte"), labels, 0x801, count);
    }

    private static void write(Path file, byte[] values, int... header) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            for (int word : header) {
                out.writeInt(word);
            }
            out.write(values);
        }
        Files.write(file, bytes.toByteArray());
    }
}
