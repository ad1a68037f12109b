package io.abmesh.data.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.abmesh.data.image.ImageShape;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class ViewTest {
    private static final ImageShape SHAPE = new ImageShape(3, 5, 7);

    @Test
    void everyViewIsTheCropOfTheReflectPaddedImage() {
        byte[] source = new byte[SHAPE.bytes()];
        new Random(1).nextBytes(source);
        int pad = 4;
        for (int top = 0; top <= 2 * pad; top++) {
            for (int left = 0; left <= 2 * pad; left++) {
                for (boolean flip : new boolean[] {false, true}) {
                    byte[] found = new byte[SHAPE.bytes() + 2];
                    new View(top - pad, left - pad, flip).apply(SHAPE, source, found, 1);

                    byte[] expected = new byte[SHAPE.bytes() + 2];
                    System.arraycopy(
                            cropOfPadded(source, pad, top, left, flip),
                            0,
                            expected,
                            1,
                            SHAPE.bytes());
                    assertThat(found).isEqualTo(expected);
                }
            }
        }
    }

    /**
     * Pads as numpy's mode "reflect" does, then cuts, then mirrors: step by step, no index tricks.
     */
    private static byte[] cropOfPadded(byte[] source, int pad, int top, int left, boolean flip) {
        int height = SHAPE.height();
        int width = SHAPE.width();
        byte[] result = new byte[SHAPE.bytes()];
        for (int channel = 0; channel < SHAPE.channels(); channel++) {
            byte[][] padded = new byte[height + 2 * pad][width + 2 * pad];
            for (int y = 0; y < height; y++) {
                for (int x = 0; x < width; x++) {
                    padded[y + pad][x + pad] = source[(channel * height + y) * width + x];
                }
                for (int i = 1; i <= pad; i++) {
                    padded[y + pad][pad - i] = padded[y + pad][pad + i];
                    padded[y + pad][pad + width - 1 + i] = padded[y + pad][pad + width - 1 - i];
                }
            }
            for (int i = 1; i <= pad; i++) {
                padded[pad - i] = padded[pad + i].clone();
                padded[pad + height - 1 + i] = padded[pad + height - 1 - i].clone();
            }
            for (int y = 0; y < height; y++) {
                for (int x = 0; x < width; x++) {
                    int from = flip ? width - 1 - x : x;
                    result[(channel * height + y) * width + x] = padded[top + y][left + from];
                }
            }
        }
        return result;
    }

    @Test
    void idsAreDifferentAndLeadBackToTheirView() {
        Set<Long> ids = new HashSet<>();
        for (int rows : new int[] {-32768, -4, -1, 0, 1, 4, 32767}) {
            for (int columns : new int[] {-32768, -4, -1, 0, 1, 4, 32767}) {
                for (boolean flip : new boolean[] {false, true}) {
                    View view = new View(rows, columns, flip);
                    assertThat(View.of(view.id())).isEqualTo(view);
                    assertThat(ids.add(view.id())).isTrue();
                    assertThat(view.id()).isNotNegative();
                }
            }
        }
    }

    @Test
    void idOfTheUnchangedImageIsZero() {
        assertThat(View.IDENTITY.id()).isZero();
        assertThat(View.of(0)).isEqualTo(View.IDENTITY);
    }

    @Test
    void shiftAsLargeAsTheImageIsRefused() {
        byte[] image = new byte[SHAPE.bytes()];

        assertThatThrownBy(() -> new View(5, 0, false).apply(SHAPE, image, image.clone(), 0))
                .hasMessage("shift is not smaller than the image: shift=[5, 0], image=[3, 5, 7]");
        assertThatThrownBy(() -> new View(40000, 0, false))
                .hasMessage("shift out of range: found=[40000, 0], expected=-32768 to 32767");
    }
}
