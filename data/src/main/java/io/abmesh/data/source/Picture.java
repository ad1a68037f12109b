package io.abmesh.data.source;

import io.abmesh.data.image.DatasetException;
import io.abmesh.data.image.DatasetException.Reason;
import io.abmesh.data.image.ImageShape;
import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;
import org.jspecify.annotations.Nullable;

/**
 * A decoded PNG or JPEG file. Gray files have one channel, all others three (red, green, blue);
 * transparency is dropped.
 *
 * @param shape {@code [C, H, W]}
 * @param pixels planes one after the other, row-major; handed over, not copied
 */
@SuppressWarnings(
        "ArrayRecordComponent") // carries pixels from the decoder to their place, never compared
record Picture(ImageShape shape, byte[] pixels) {
    private static final byte[] PNG_START = {(byte) 0x89, 'P', 'N', 'G'};
    private static final int SIDE_LIMIT = 8192;

    /**
     * Reads a file.
     *
     * @param required shape that it must have, or null for any. A gray file becomes three equal
     *     channels where three are required.
     * @throws DatasetException MALFORMED with the file's name
     */
    static Picture read(Path file, @Nullable ImageShape required) {
        BufferedImage image = decode(file, required);
        boolean gray = isGray(image);
        int channels = required == null ? (gray ? 1 : 3) : required.channels();
        if (channels == 1 && !gray) {
            throw DatasetFiles.malformed(
                    file, "colour image among gray ones", "3 channels", "1, as the first image");
        }
        ImageShape shape = new ImageShape(channels, image.getHeight(), image.getWidth());
        return new Picture(shape, planes(image, gray, channels));
    }

    private static BufferedImage decode(Path file, @Nullable ImageShape required) {
        List<String> damages = new ArrayList<>();
        try (ImageInputStream input = ImageIO.createImageInputStream(file.toFile())) {
            if (input == null) {
                throw new IOException("no such file or not readable");
            }
            ImageReader reader = reader(file, input);
            try {
                reader.addIIOReadWarningListener(
                        (source, warning) -> {
                            if (isDamage(warning)) {
                                damages.add(warning);
                            }
                        });
                reader.setInput(input, true, true);
                checkSize(file, reader.getHeight(0), reader.getWidth(0), required);
                BufferedImage image = reader.read(0);
                if (!damages.isEmpty()) {
                    throw broken(file, damages.get(0), null);
                }
                return image;
            } finally {
                reader.dispose();
            }
        } catch (IOException e) {
            throw broken(file, DatasetFiles.describe(e), e);
        } catch (DatasetException e) {
            throw e;
        } catch (RuntimeException e) {
            // The decoders of the JDK answer some damaged files with unchecked exceptions.
            throw broken(file, DatasetFiles.describe(e), e);
        }
    }

    /**
     * The decoder by the file's first bytes. Only PNG and JPEG are tried: the JDK takes almost any
     * damaged file for WBMP, which has no magic number.
     */
    private static ImageReader reader(Path file, ImageInputStream input) throws IOException {
        byte[] start = new byte[4];
        input.mark();
        int count = input.read(start);
        input.reset();
        String format =
                count == 4 && Arrays.equals(start, PNG_START)
                        ? "png"
                        : count == 4 && start[0] == (byte) 0xFF && start[1] == (byte) 0xD8
                                ? "jpeg"
                                : "";
        Iterator<ImageReader> readers = ImageIO.getImageReadersByFormatName(format);
        if (!readers.hasNext()) {
            throw DatasetFiles.malformed(file, "not an image", "no PNG or JPEG header", "one");
        }
        return readers.next();
    }

    /** Warnings of the JPEG decoder that mean lost pixels; others are about metadata. */
    private static boolean isDamage(String warning) {
        String text = warning.toLowerCase(Locale.ROOT);
        return text.contains("truncated")
                || text.contains("premature end")
                || text.contains("corrupt jpeg data");
    }

    private static void checkSize(Path file, int height, int width, @Nullable ImageShape required) {
        if (required != null && (height != required.height() || width != required.width())) {
            throw DatasetFiles.malformed(
                    file,
                    "image size differs from the first image's",
                    height + "x" + width,
                    required.height() + "x" + required.width());
        }
        if (height > SIDE_LIMIT || width > SIDE_LIMIT) {
            throw DatasetFiles.malformed(
                    file, "image is too large", height + "x" + width, "sides up to " + SIDE_LIMIT);
        }
    }

    private static DatasetException broken(Path file, String why, @Nullable Throwable cause) {
        return new DatasetException(
                Reason.MALFORMED, "image file is broken: " + file + ": " + why, cause);
    }

    private static boolean isGray(BufferedImage image) {
        if (image.getColorModel() instanceof IndexColorModel palette) {
            for (int i = 0; i < palette.getMapSize(); i++) {
                if (palette.getRed(i) != palette.getGreen(i)
                        || palette.getRed(i) != palette.getBlue(i)) {
                    return false;
                }
            }
            return true;
        }
        return image.getColorModel().getColorSpace().getType() == ColorSpace.TYPE_GRAY;
    }

    private static byte[] planes(BufferedImage image, boolean gray, int channels) {
        int height = image.getHeight();
        int width = image.getWidth();
        int plane = height * width;
        byte[] pixels = new byte[channels * plane];
        // Gray samples are read as stored: getRGB would bend them through a gamma curve.
        boolean stored = gray && !(image.getColorModel() instanceof IndexColorModel);
        Raster raster = image.getRaster();
        int shift = stored ? image.getSampleModel().getSampleSize(0) - 8 : 0;
        int[] row = new int[width];
        for (int y = 0; y < height; y++) {
            if (stored) {
                raster.getSamples(0, y, width, 1, 0, row);
            } else {
                image.getRGB(0, y, width, 1, row, 0, width);
            }
            for (int x = 0; x < width; x++) {
                int rgb = stored ? 0x010101 * (row[x] >> shift) : row[x];
                for (int channel = 0; channel < channels; channel++) {
                    pixels[channel * plane + y * width + x] = (byte) (rgb >> (16 - 8 * channel));
                }
            }
        }
        return pixels;
    }
}
