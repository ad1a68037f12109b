package io.abmesh.nn.teacher;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Turns pixels into a model's float input, by a table of 256 values per channel. */
final class PixelInput {
    private final List<Long> imageShape;
    private final int plane;

    /**
     * @param imageShape {@code [C, H, W]}
     */
    PixelInput(List<Long> imageShape) {
        this.imageShape = List.copyOf(imageShape);
        this.plane = Math.toIntExact(imageShape.get(1) * imageShape.get(2));
    }

    int imageElements() {
        return channels() * plane;
    }

    private int channels() {
        return Math.toIntExact(imageShape.get(0));
    }

    void check(ByteBuffer images, int count, @Nullable PixelNormalization normalization) {
        if (count < 1 || images.remaining() != (long) count * imageElements()) {
            throw new TeacherException(
                    TeacherException.Reason.TENSOR_SIZE_MISMATCH,
                    "image size mismatch: found="
                            + images.remaining()
                            + " bytes, expected="
                            + (long) count * imageElements()
                            + ", shape=["
                            + count
                            + ", "
                            + imageShape.get(0)
                            + ", "
                            + imageShape.get(1)
                            + ", "
                            + imageShape.get(2)
                            + "]");
        }
        if (normalization != null && normalization.mean().size() != channels()) {
            throw new TeacherException(
                    TeacherException.Reason.TENSOR_SIZE_MISMATCH,
                    "normalization channels mismatch: found="
                            + normalization.mean().size()
                            + ", expected="
                            + channels());
        }
    }

    /**
     * Writes images {@code [from, to)} from the start of {@code target}.
     *
     * @param images checked pixels of the whole batch, borrowed
     */
    void write(
            ByteBuffer images,
            int from,
            int to,
            @Nullable PixelNormalization normalization,
            FloatBuffer target) {
        float[][] tables = new float[channels()][];
        for (int c = 0; c < tables.length; c++) {
            tables[c] = table(c, normalization);
        }
        byte[] pixels = new byte[plane];
        float[] values = new float[plane];
        target.clear();
        for (int at = from * imageElements(); at < to * imageElements(); at += plane) {
            images.get(images.position() + at, pixels);
            float[] table = tables[at / plane % tables.length];
            for (int i = 0; i < plane; i++) {
                values[i] = table[pixels[i] & 0xff];
            }
            target.put(values);
        }
    }

    private static float[] table(int channel, @Nullable PixelNormalization normalization) {
        float[] table = new float[256];
        for (int pixel = 0; pixel < table.length; pixel++) {
            table[pixel] =
                    normalization == null
                            ? pixel
                            : (pixel - normalization.mean().get(channel))
                                    / normalization.std().get(channel);
        }
        return table;
    }

    static FloatBuffer floats(int elements) {
        return ByteBuffer.allocateDirect(Math.multiplyExact(elements, Float.BYTES))
                .order(ByteOrder.nativeOrder())
                .asFloatBuffer();
    }
}
