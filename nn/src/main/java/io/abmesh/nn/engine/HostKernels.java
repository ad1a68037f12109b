package io.abmesh.nn.engine;

import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Kernels in plain Java over native memory on the host.
 *
 * <p>Memory is copied in pieces into arrays that fit the first-level cache, where the compiler
 * turns loops into vector instructions, which it does not do for native memory itself, nor where
 * one of several arrays is read at an offset of its own. A block holds whole rows, seen as rows of
 * a width that is a multiple of {@code C}, so that the inner loop is long even with few channels.
 * Sums are kept per block and merged in the order of the blocks (Chan et al., 1979, for variances),
 * so that they do not depend on threads.
 */
final class HostKernels implements ChannelKernels {
    /** Elements of a block: {@value}, 16 KiB of {@code float32}. */
    static final int BLOCK = 4096;

    private static final int WIDTH = 256;

    /** Rows of a short piece of memory at least, so that folding a row costs little. */
    private static final int SHORTEST = 8;

    private static final float LARGE = 3e38f;

    /** Blocks of one piece of work. */
    private static final int PIECE = 16;

    private final ComputePool pool;
    private final ThreadLocal<Scratch> scratch = ThreadLocal.withInitial(Scratch::new);

    HostKernels(ComputePool pool) {
        this.pool = pool;
    }

    /** Block-sized arrays of one thread, grown to the widest row seen. */
    private static final class Scratch {
        private float[] a = new float[BLOCK];
        private float[] b = new float[BLOCK];
        private float[] c = new float[BLOCK];
        private float[] first = new float[WIDTH];
        private float[] second = new float[WIDTH];

        void require(int block, int width) {
            if (a.length < block) {
                a = new float[block];
                b = new float[block];
                c = new float[block];
            }
            if (first.length < width) {
                first = new float[width];
                second = new float[width];
            }
        }
    }

    /** How {@code length} elements of {@code channels} channels are cut. */
    private record Cut(int length, int channels, int width, int block) {
        static Cut of(int length, int channels) {
            return of(length, channels, WIDTH);
        }

        static Cut of(int length, int channels, int wanted) {
            int width = channels * Math.max(1, wanted / channels);
            int block = width * Math.max(1, BLOCK / width);
            return new Cut(length, channels, width, block);
        }

        int blocks() {
            return (length + block - 1) / block;
        }

        int pieces() {
            return (blocks() + PIECE - 1) / PIECE;
        }

        int size(int index) {
            return Math.min(block, length - index * block);
        }
    }

    @FunctionalInterface
    private interface BlockBody {
        void accept(Scratch scratch, int index, int at, int size);
    }

    @FunctionalInterface
    private interface RowBody {
        void accept(int at, int count);
    }

    /** Walks through the rows of the {@code size} elements that begin at {@code at}. */
    private static void forEachRow(Cut cut, int at, int size, RowBody body) {
        for (int end = at + size; at < end; at += cut.width()) {
            body.accept(at, Math.min(cut.width(), end - at));
        }
    }

    private void forEachBlock(Cut cut, BlockBody body) {
        pool.run(
                cut.pieces(),
                piece -> {
                    Scratch own = scratch.get();
                    own.require(cut.block(), cut.width());
                    int end = Math.min(cut.blocks(), (piece + 1) * PIECE);
                    for (int index = piece * PIECE; index < end; index++) {
                        body.accept(own, index, index * cut.block(), cut.size(index));
                    }
                });
    }

    private static float[] repeated(float[] perChannel, int width) {
        float[] wide = new float[width];
        for (int at = 0; at < width; at += perChannel.length) {
            System.arraycopy(perChannel, 0, wide, at, perChannel.length);
        }
        return wide;
    }

    @Override
    public void statistics(FloatBuffer x, ChannelLayout layout, double[] mean, double[] variance) {
        int lanes = layout.lanes();
        Cut cut = Cut.of(layout.plane(), lanes, Math.min(WIDTH, layout.plane() / SHORTEST));
        int items = Math.multiplyExact(layout.planes(), cut.blocks());
        float[] partial = new float[Math.multiplyExact(items, 2 * lanes)];
        pool.run(
                (items + PIECE - 1) / PIECE,
                piece -> {
                    Scratch own = scratch.get();
                    own.require(cut.block(), cut.width());
                    int end = Math.min(items, (piece + 1) * PIECE);
                    for (int item = piece * PIECE; item < end; item++) {
                        int block = item % cut.blocks();
                        int at = item / cut.blocks() * layout.plane() + block * cut.block();
                        int out = item * 2 * lanes;
                        statistics(own, x, cut, at, cut.size(block), partial, out);
                    }
                });
        merge(layout, cut, partial, mean, variance);
    }

    /** Leaves the means of a block at {@code out}, and sums of squared distances behind them. */
    private static void statistics(
            Scratch s, FloatBuffer x, Cut cut, int at, int size, float[] partial, int out) {
        int lanes = cut.channels();
        int rows = size / lanes;
        sumRows(s, x, cut, at, size, count -> sum(s.first, s.a, count), partial, out);
        for (int lane = 0; lane < lanes; lane++) {
            partial[out + lane] /= rows;
        }
        for (int row = 0; row < cut.width(); row += lanes) {
            System.arraycopy(partial, out, s.second, row, lanes);
        }
        sumRows(
                s,
                x,
                cut,
                at,
                size,
                count -> squaredDistances(s.first, s.a, s.second, count),
                partial,
                out + lanes);
    }

    /**
     * Sums a block per channel, into {@code target[out ..]}.
     *
     * @param add adds what comes of the row in {@code s.a}, of the length it is given, to {@code
     *     s.first}
     */
    private static void sumRows(
            Scratch s,
            FloatBuffer x,
            Cut cut,
            int at,
            int size,
            IntConsumer add,
            float[] target,
            int out) {
        Arrays.fill(s.first, 0, cut.width(), 0f);
        forEachRow(
                cut,
                at,
                size,
                (row, count) -> {
                    x.get(row, s.a, 0, count);
                    add.accept(count);
                });
        fold(s.first, cut, target, out);
    }

    private static void squaredDistances(float[] sums, float[] values, float[] means, int count) {
        for (int i = 0; i < count; i++) {
            float d = values[i] - means[i];
            sums[i] += d * d;
        }
    }

    /** Sums a row of the cut's width per channel, into {@code target[at ..]}. */
    private static void fold(float[] row, Cut cut, float[] target, int at) {
        int channels = cut.channels();
        Arrays.fill(target, at, at + channels, 0f);
        for (int from = 0; from < cut.width(); from += channels) {
            for (int c = 0; c < channels; c++) {
                target[at + c] += row[from + c];
            }
        }
    }

    private static void merge(
            ChannelLayout layout, Cut cut, float[] partial, double[] mean, double[] variance) {
        int lanes = layout.lanes();
        double[] means = new double[lanes];
        double[] squares = new double[lanes];
        for (int group = 0; group < layout.groups(); group++) {
            Arrays.fill(means, 0);
            Arrays.fill(squares, 0);
            long count = 0;
            for (int image = 0; image < layout.images(); image++) {
                int plane = image * layout.groups() + group;
                for (int block = 0; block < cut.blocks(); block++) {
                    int at = (plane * cut.blocks() + block) * 2 * lanes;
                    int rows = cut.size(block) / lanes;
                    long total = count + rows;
                    for (int lane = 0; lane < lanes; lane++) {
                        double delta = partial[at + lane] - means[lane];
                        means[lane] += delta * rows / total;
                        squares[lane] +=
                                partial[at + lanes + lane] + delta * delta * count / total * rows;
                    }
                    count = total;
                }
            }
            int first = group * lanes;
            for (int lane = 0; lane < Math.min(lanes, layout.channels() - first); lane++) {
                mean[first + lane] = means[lane];
                variance[first + lane] = squares[lane] / count;
            }
        }
    }

    @Override
    public void normalize(
            FloatArray x,
            float[] scale,
            float[] shift,
            @Nullable FloatArray z,
            @Nullable FloatArray y) {
        Cut cut = Cut.of(x.length(), scale.length);
        float[] wideScale = repeated(scale, cut.width());
        float[] wideShift = repeated(shift, cut.width());
        FloatBuffer source = x.floats();
        forEachBlock(
                cut,
                (s, index, from, size) ->
                        forEachRow(
                                cut,
                                from,
                                size,
                                (at, count) -> {
                                    source.get(at, s.a, 0, count);
                                    affine(s.a, count, wideScale, wideShift);
                                    if (z != null) {
                                        z.floats().put(at, s.a, 0, count);
                                    }
                                    if (y != null) {
                                        positive(s.a, count);
                                        y.floats().put(at, s.a, 0, count);
                                    }
                                }));
    }

    private static void affine(float[] values, int count, float[] scale, float[] shift) {
        for (int i = 0; i < count; i++) {
            values[i] = values[i] * scale[i] + shift[i];
        }
    }

    private static void positive(float[] values, int size) {
        for (int i = 0; i < size; i++) {
            values[i] = Math.max(values[i], 0f);
        }
    }

    @Override
    public void normalizeBackward(
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
            FloatArray dShift) {
        int channels = scale.length;
        Cut cut = Cut.of(x.length(), channels);
        int width = cut.width();
        float[] wideScale = repeated(scale, width);
        float[] wideShift = repeated(shift, width);
        float[] wideMean = repeated(mean, width);
        float[] partial = new float[Math.multiplyExact(cut.blocks(), 2 * channels)];
        forEachBlock(
                cut,
                (s, index, from, size) -> {
                    Arrays.fill(s.first, 0, width, 0f);
                    Arrays.fill(s.second, 0, width, 0f);
                    forEachRow(
                            cut,
                            from,
                            size,
                            (at, count) -> {
                                x.floats().get(at, s.a, 0, count);
                                gradientInFront(s, at, count, dy, dz, wideScale, wideShift);
                                if (work != null) {
                                    work.floats().put(at, s.b, 0, count);
                                }
                                sum(s.first, s.b, count);
                                centredProduct(s.a, s.b, wideMean, count);
                                sum(s.second, s.a, count);
                            });
                    int out = index * 2 * channels;
                    fold(s.first, cut, partial, out);
                    fold(s.second, cut, partial, out + channels);
                });
        double[] sums = new double[2 * channels];
        for (int index = 0; index < cut.blocks(); index++) {
            for (int i = 0; i < sums.length; i++) {
                sums[i] += partial[index * sums.length + i];
            }
        }
        float[] factor = new float[channels];
        float[] offset = new float[channels];
        int rows = x.length() / channels;
        for (int c = 0; c < channels; c++) {
            dShift.floats().put(c, (float) sums[c]);
            double scaleGradient = sums[channels + c] * inverse[c];
            dScale.floats().put(c, (float) scaleGradient);
            // scale * (g - sum(g)/rows - h * sum(g h)/rows) = scale * g - factor * x - offset
            double slope = scale[c] * scaleGradient / rows * inverse[c];
            factor[c] = (float) slope;
            offset[c] = (float) (scale[c] * sums[c] / rows - slope * mean[c]);
        }
        if (dx == null) {
            return;
        }
        float[] wideFactor = repeated(factor, width);
        float[] wideOffset = repeated(offset, width);
        forEachBlock(
                cut,
                (s, index, from, size) ->
                        forEachRow(
                                cut,
                                from,
                                size,
                                (at, count) -> {
                                    x.floats().get(at, s.a, 0, count);
                                    if (work != null) {
                                        work.floats().get(at, s.b, 0, count);
                                    } else {
                                        gradientInFront(s, at, count, dy, dz, wideScale, wideShift);
                                    }
                                    inputGradient(
                                            s.a, s.b, count, wideScale, wideFactor, wideOffset);
                                    if (addend != null) {
                                        addend.floats().get(at, s.b, 0, count);
                                        sum(s.a, s.b, count);
                                    }
                                    dx.floats().put(at, s.a, 0, count);
                                }));
    }

    /**
     * Leaves {@code g = dy * (x * scale + shift > 0) + dz} in {@code s.b}; {@code s.a} holds {@code
     * x}.
     */
    private static void gradientInFront(
            Scratch s,
            int at,
            int count,
            @Nullable FloatArray dy,
            @Nullable FloatArray dz,
            float[] scale,
            float[] shift) {
        if (dy == null) {
            if (dz == null) {
                throw new IllegalArgumentException("batch norm without a gradient");
            }
            dz.floats().get(at, s.b, 0, count);
            return;
        }
        dy.floats().get(at, s.b, 0, count);
        System.arraycopy(s.a, 0, s.c, 0, count);
        affine(s.c, count, scale, shift);
        firing(s.c, count);
        multiply(s.b, s.c, count);
        if (dz != null) {
            dz.floats().get(at, s.c, 0, count);
            sum(s.b, s.c, count);
        }
    }

    /**
     * Makes of each finite value 1 where it is positive, else 0: even the smallest becomes more
     * than 1 by the two factors. A choice would be a branch, which no compiler turns into vector
     * instructions here and which the processor guesses wrong half of the time.
     */
    private static void firing(float[] values, int size) {
        positive(values, size);
        for (int i = 0; i < size; i++) {
            values[i] = Math.min(values[i] * LARGE * LARGE, 1f);
        }
    }

    private static void centredProduct(float[] x, float[] g, float[] mean, int count) {
        for (int i = 0; i < count; i++) {
            x[i] = (x[i] - mean[i]) * g[i];
        }
    }

    private static void inputGradient(
            float[] x, float[] g, int count, float[] scale, float[] factor, float[] offset) {
        for (int i = 0; i < count; i++) {
            x[i] = scale[i] * g[i] - (factor[i] * x[i] + offset[i]);
        }
    }

    private static void multiply(float[] target, float[] other, int size) {
        for (int i = 0; i < size; i++) {
            target[i] *= other[i];
        }
    }

    private static void sum(float[] target, float[] other, int size) {
        for (int i = 0; i < size; i++) {
            target[i] += other[i];
        }
    }

    @Override
    public void relu(FloatArray x, FloatArray y) {
        forEachBlock(
                Cut.of(x.length(), 1),
                (s, index, at, size) -> {
                    x.floats().get(at, s.a, 0, size);
                    positive(s.a, size);
                    y.floats().put(at, s.a, 0, size);
                });
    }

    @Override
    public void reluBackward(
            FloatArray x, FloatArray dy, @Nullable FloatArray addend, FloatArray dx) {
        forEachBlock(
                Cut.of(x.length(), 1),
                (s, index, at, size) -> {
                    x.floats().get(at, s.a, 0, size);
                    dy.floats().get(at, s.b, 0, size);
                    firing(s.a, size);
                    multiply(s.b, s.a, size);
                    if (addend != null) {
                        addend.floats().get(at, s.c, 0, size);
                        sum(s.b, s.c, size);
                    }
                    dx.floats().put(at, s.b, 0, size);
                });
    }

    @Override
    public void add(FloatArray a, FloatArray b, FloatArray sum) {
        forEachBlock(
                Cut.of(a.length(), 1),
                (s, index, at, size) -> {
                    a.floats().get(at, s.a, 0, size);
                    b.floats().get(at, s.b, 0, size);
                    sum(s.a, s.b, size);
                    sum.floats().put(at, s.a, 0, size);
                });
    }

    @Override
    public void pool(FloatArray x, int samples, int channels, FloatArray y) {
        int positions = x.length() / samples / channels;
        pool.run(
                samples,
                sample -> {
                    float[] row = new float[channels];
                    float[] sums = new float[channels];
                    for (int p = 0; p < positions; p++) {
                        x.floats().get((sample * positions + p) * channels, row);
                        sum(sums, row, channels);
                    }
                    for (int c = 0; c < channels; c++) {
                        sums[c] /= positions;
                    }
                    y.floats().put(sample * channels, sums);
                });
    }

    @Override
    public void poolBackward(
            FloatArray dy, int samples, int channels, @Nullable FloatArray addend, FloatArray dx) {
        int positions = dx.length() / samples / channels;
        pool.run(
                samples,
                sample -> {
                    float[] row = new float[channels];
                    float[] total = new float[channels];
                    dy.floats().get(sample * channels, row);
                    for (int c = 0; c < channels; c++) {
                        row[c] /= positions;
                    }
                    for (int p = 0; p < positions; p++) {
                        int at = (sample * positions + p) * channels;
                        if (addend == null) {
                            dx.floats().put(at, row);
                        } else {
                            addend.floats().get(at, total);
                            sum(total, row, channels);
                            dx.floats().put(at, total);
                        }
                    }
                });
    }

    @Override
    public void scale(FloatArray gradient, float factor, float[] scaled) {
        forEachBlock(
                Cut.of(gradient.length(), 1),
                (s, index, at, size) -> {
                    gradient.floats().get(at, scaled, at, size);
                    for (int i = at; i < at + size; i++) {
                        scaled[i] *= factor;
                    }
                });
    }

    @Override
    public void nesterov(
            FloatArray parameters,
            FloatArray gradient,
            FloatArray velocity,
            int from,
            int to,
            float rate,
            float momentum,
            float decay) {
        forEachBlock(
                Cut.of(to - from, 1),
                (s, index, offset, size) -> {
                    int at = from + offset;
                    parameters.floats().get(at, s.a, 0, size);
                    gradient.floats().get(at, s.b, 0, size);
                    velocity.floats().get(at, s.c, 0, size);
                    for (int i = 0; i < size; i++) {
                        float g = s.b[i] + decay * s.a[i];
                        float v = momentum * s.c[i] + g;
                        s.c[i] = v;
                        s.a[i] -= rate * (g + momentum * v);
                    }
                    parameters.floats().put(at, s.a, 0, size);
                    velocity.floats().put(at, s.c, 0, size);
                });
    }
}
