package io.abmesh.nn.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class HostKernelsTest {
    private static final int CHANNELS = 24;
    private static final int ROWS = 3_001;

    private final Random random = new Random(5);
    private final float[] x = normal(ROWS * CHANNELS);
    private final float[] dy = normal(ROWS * CHANNELS);
    private final float[] dz = normal(ROWS * CHANNELS);
    private final float[] mean = normal(CHANNELS);
    private final float[] inverse = positive(CHANNELS);
    private final float[] scale = positive(CHANNELS);
    private final float[] shift = normal(CHANNELS);

    @Test
    void theNumberOfThreadsDoesNotChangeABit() {
        List<float[]> results = new ArrayList<>();
        for (int threads = 1; threads <= 3; threads++) {
            results.add(backward(threads, false));
        }
        assertThat(results).allSatisfy(r -> assertThat(r).containsExactly(results.get(0)));
    }

    @Test
    void memoryForTheMaskedGradientDoesNotChangeABit() {
        assertThat(backward(2, true)).containsExactly(backward(2, false));
    }

    @Test
    void aGradientPassesWhereTheResponseIsPositiveHoweverSmall() {
        float[] responses = {
            1, Float.MIN_VALUE, Float.MIN_NORMAL, 0, -0f, -Float.MIN_VALUE, -1, Float.MAX_VALUE
        };
        float[] gradients = {3, -4, 5, 6, 7, 8, 9, -10};
        try (ComputePool pool = new ComputePool(1);
                FloatArray in = array(responses);
                FloatArray out = array(gradients)) {
            new HostKernels(pool).reluBackward(in, out, null, out);

            float[] passed = out.copy();
            for (int i = 0; i < passed.length; i++) {
                assertThat(passed[i] + 0f).isEqualTo(responses[i] > 0 ? gradients[i] : 0f);
            }
        }
    }

    private float[] backward(int threads, boolean work) {
        try (ComputePool pool = new ComputePool(threads);
                FloatArray in = array(x);
                FloatArray behind = array(dy);
                FloatArray inFront = array(dz);
                FloatArray dx = FloatArray.zeros(x.length);
                FloatArray dScale = FloatArray.zeros(CHANNELS);
                FloatArray dShift = FloatArray.zeros(CHANNELS)) {
            new HostKernels(pool)
                    .normalizeBackward(
                            in,
                            behind,
                            inFront,
                            work ? behind : null,
                            mean,
                            inverse,
                            scale,
                            shift,
                            null,
                            dx,
                            dScale,
                            dShift);
            float[] all = new float[x.length + 2 * CHANNELS];
            System.arraycopy(dx.copy(), 0, all, 0, x.length);
            System.arraycopy(dScale.copy(), 0, all, x.length, CHANNELS);
            System.arraycopy(dShift.copy(), 0, all, x.length + CHANNELS, CHANNELS);
            return all;
        }
    }

    private static FloatArray array(float[] values) {
        FloatArray array = FloatArray.zeros(values.length);
        array.set(values);
        return array;
    }

    private float[] normal(int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    private float[] positive(int count) {
        float[] values = normal(count);
        for (int i = 0; i < count; i++) {
            values[i] = 0.5f + Math.abs(values[i]);
        }
        return values;
    }
}
