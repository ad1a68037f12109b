package io.abmesh.nn.engine;

import java.nio.FloatBuffer;
import org.jspecify.annotations.Nullable;

/**
 * What lies between the convolutions. Unless a layout is given, arrays are {@code [rows, C]} with
 * {@code rows = N * H * W}: feature maps in {@code [N, H, W, C]}. Every array is borrowed; outputs
 * are written whole. Results do not depend on the number of threads.
 */
interface ChannelKernels {
    /**
     * Mean and biased variance of each channel. Sums of a block are {@code float32}; blocks are
     * merged in double precision.
     *
     * @param x read by absolute position, from 0
     * @param mean written, {@code [C]}
     * @param variance written, {@code [C]}
     */
    void statistics(FloatBuffer x, ChannelLayout layout, double[] mean, double[] variance);

    /**
     * {@code z = x * scale + shift} per channel; {@code y = max(0, z)}.
     *
     * @param z written if given
     * @param y written if given
     */
    void normalize(
            FloatArray x,
            float[] scale,
            float[] shift,
            @Nullable FloatArray z,
            @Nullable FloatArray y);

    /**
     * Backward pass of batch norm with batch statistics, and of the ReLU behind it. With {@code g =
     * dy * (z > 0) + dz} and {@code h = (x - mean) / sqrt(variance + epsilon)}: {@code dShift = sum
     * g}, {@code dScale = sum g * h}, {@code dx = scale * (g - mean(g) - h * mean(g * h)) +
     * addend}, where {@code scale} is {@code gamma / sqrt(variance + epsilon)}.
     *
     * @param dy gradient behind the ReLU, or null
     * @param dz gradient in front of it, or null
     * @param work memory for {@code g} between the two passes over the arrays, may be {@code dy};
     *     null: {@code g} is computed twice
     * @param scale as given to {@link #normalize}, likewise {@code shift}
     * @param inverse {@code 1 / sqrt(variance + epsilon)}
     * @param addend added to {@code dx}, may be {@code dx} itself
     * @param dx written; null if nothing in front needs it
     * @param dScale written, {@code [C]}
     * @param dShift written, {@code [C]}
     */
    void normalizeBackward(
            FloatArray x,
            @Nullable FloatArray dy,
            @Nullable FloatArray dz,
            @Nullable FloatArray work,
            float[] mean,
            float[] inverse,
            float[] scale,
            float[] shift,
            @Nullable FloatArray addend,
            @Nullable FloatArray dx,
            FloatArray dScale,
            FloatArray dShift);

    /** {@code y = max(0, x)}. */
    void relu(FloatArray x, FloatArray y);

    /** {@code dx = (x > 0 ? dy : 0) + addend}; {@code addend} may be {@code dx} itself. */
    void reluBackward(FloatArray x, FloatArray dy, @Nullable FloatArray addend, FloatArray dx);

    /** {@code sum = a + b}; {@code sum} may be either. */
    void add(FloatArray a, FloatArray b, FloatArray sum);

    /** Means over positions: {@code x [N, positions, C] -> y [N, C]}. */
    void pool(FloatArray x, int samples, int channels, FloatArray y);

    /**
     * {@code dx = dy / positions + addend} at every position; {@code addend} may be {@code dx}
     * itself.
     */
    void poolBackward(
            FloatArray dy, int samples, int channels, @Nullable FloatArray addend, FloatArray dx);

    /** {@code scaled = factor * gradient}. */
    void scale(FloatArray gradient, float factor, float[] scaled);

    /**
     * Stochastic gradient descent with Nesterov momentum in PyTorch's form, decay first: {@code g
     * += decay * p; v = momentum * v + g; p -= rate * (g + momentum * v)}, over {@code [from, to)}
     * of the flat views.
     */
    void nesterov(
            FloatArray parameters,
            FloatArray gradient,
            FloatArray velocity,
            int from,
            int to,
            float rate,
            float momentum,
            float decay);
}
