package io.abmesh.nn.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.nn.network.Node;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The operators against convolutions written out as loops. */
final class ConvolutionsTest {
    private final Random random = new Random(5);

    @ParameterizedTest(name = "{0} samples {1}x{1} {2}->{3} kernel {4} stride {5} groups {6}")
    @CsvSource({
        "2,  8,  3, 16, 3, 1,  1",
        "2,  8, 16, 16, 3, 1,  1",
        "4,  8, 64,128, 3, 2,  1",
        "4,  8, 64,128, 1, 2,  1",
        "4,  4,128,128, 3, 1,  1",
        "4,  8,128,128, 3, 1,  1",
        "3,  7,  8, 24, 1, 1,  1",
        "3,  8, 12, 12, 3, 1, 12",
        "3,  8, 12, 12, 3, 2, 12",
    })
    void forwardAndBackwardAreTheSums(
            int n, int size, int in, int out, int kernel, int stride, int groups) {
        Node.Convolution node =
                new Node.Convolution("c", "x", out, kernel, stride, kernel / 2, groups);
        int outSize = (size + 2 * (kernel / 2) - kernel) / stride + 1;
        try (FloatArray x = random(n, size, size, in);
                FloatArray w = random(out, in / groups, kernel, kernel);
                FloatArray y = FloatArray.zeros(n, outSize, outSize, out);
                FloatArray dy = random(n, outSize, outSize, out);
                FloatArray dx = FloatArray.zeros(n, size, size, in);
                FloatArray dw = FloatArray.zeros(out, in / groups, kernel, kernel)) {
            Convolutions.forward(node, x, w, y);
            Convolutions.backward(node, x, w, dy, dx, dw);

            float[] expectedY = new float[y.length()];
            float[] expectedDx = new float[x.length()];
            float[] expectedDw = new float[w.length()];
            loops(
                    node,
                    n,
                    size,
                    outSize,
                    in,
                    x.copy(),
                    w.copy(),
                    dy.copy(),
                    expectedY,
                    expectedDx,
                    expectedDw);
            assertClose("y", y.copy(), expectedY);
            assertClose("dx", dx.copy(), expectedDx);
            assertClose("dw", dw.copy(), expectedDw);
        }
    }

    private static void loops(
            Node.Convolution node,
            int n,
            int size,
            int outSize,
            int in,
            float[] x,
            float[] w,
            float[] dy,
            float[] y,
            float[] dx,
            float[] dw) {
        int k = node.kernel();
        int perGroup = in / node.groups();
        for (int s = 0; s < n; s++) {
            for (int r = 0; r < outSize; r++) {
                for (int c = 0; c < outSize; c++) {
                    for (int o = 0; o < node.outChannels(); o++) {
                        int at = ((s * outSize + r) * outSize + c) * node.outChannels() + o;
                        for (int i = 0; i < perGroup; i++) {
                            int channel = node.depthwise() ? o : i;
                            for (int kr = 0; kr < k; kr++) {
                                for (int kc = 0; kc < k; kc++) {
                                    int row = r * node.stride() + kr - node.padding();
                                    int column = c * node.stride() + kc - node.padding();
                                    if (row < 0 || column < 0 || row >= size || column >= size) {
                                        continue;
                                    }
                                    int from = ((s * size + row) * size + column) * in + channel;
                                    int weight = ((o * perGroup + i) * k + kr) * k + kc;
                                    y[at] += x[from] * w[weight];
                                    dx[from] += dy[at] * w[weight];
                                    dw[weight] += dy[at] * x[from];
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    private FloatArray random(long... shape) {
        FloatArray array = FloatArray.zeros(shape);
        float[] values = new float[array.length()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        array.set(values);
        return array;
    }

    private static void assertClose(String what, float[] found, float[] expected) {
        double scale = 0;
        double worst = 0;
        for (int i = 0; i < expected.length; i++) {
            scale = Math.max(scale, Math.abs(expected[i]));
            worst = Math.max(worst, Math.abs((double) expected[i] - found[i]));
        }
        assertThat(worst / scale).as(what).isLessThan(1e-5);
    }
}
