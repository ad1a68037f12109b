package io.abmesh.nn.engine;

import static io.abmesh.nn.engine.OneDnnProgram.argument;

import io.abmesh.nn.network.FeatureShape;
import io.abmesh.nn.network.NetworkSpec;
import io.abmesh.nn.network.Node;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import org.bytedeco.dnnl.batch_normalization_forward;
import org.bytedeco.dnnl.binary;
import org.bytedeco.dnnl.convolution_forward;
import org.bytedeco.dnnl.eltwise_forward;
import org.bytedeco.dnnl.engine;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.inner_product_forward;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.pooling_forward;
import org.jspecify.annotations.Nullable;

/**
 * Lays out a forward pass: one oneDNN primitive per node, in the layouts that the convolutions like
 * best. Keeps what the backward pass needs of it.
 */
final class OneDnnForward {
    /**
     * A batch norm's batch statistics, {@code [C]} each, and which neurons its ReLU let through.
     */
    record Normalized(
            batch_normalization_forward.primitive_desc primitive,
            FloatArray mean,
            FloatArray variance,
            @Nullable OneDnnTensor passed) {}

    /**
     * A window that slides over rows and columns.
     *
     * @param down its step from row to row
     * @param right its step from column to column
     * @param border zeros on each side
     */
    record Window(long rows, long columns, long down, long right, long border) {
        static Window of(Node.Convolution node) {
            return new Window(
                    node.kernel(), node.kernel(), node.stride(), node.stride(), node.padding());
        }

        long[] kernel() {
            return new long[] {rows, columns};
        }

        long[] stride() {
            return new long[] {down, right};
        }

        long[] padding() {
            return new long[] {border, border};
        }
    }

    private final NetworkSpec network;
    private final ParameterStore parameters;
    private final ChannelKernels kernels;
    private final int samples;
    private final boolean training;
    private final PassGraph graph;
    private final OneDnnArena arena;
    private final engine processor;
    private final OneDnnProgram program;
    private final Map<String, OneDnnTensor> values = new HashMap<>();
    private final Map<String, Integer> readers = new HashMap<>();
    private final Map<String, convolution_forward.primitive_desc> convolutions = new HashMap<>();
    private final Map<String, Normalized> norms = new HashMap<>();
    private final Map<String, eltwise_forward.primitive_desc> relus = new HashMap<>();
    private final Map<String, pooling_forward.primitive_desc> pools = new HashMap<>();
    private final Map<String, inner_product_forward.primitive_desc> linears = new HashMap<>();

    OneDnnForward(
            NetworkSpec network,
            ParameterStore parameters,
            ChannelKernels kernels,
            int samples,
            boolean training,
            PassGraph graph,
            OneDnnArena arena,
            FloatArray input) {
        this.network = network;
        this.parameters = parameters;
        this.kernels = kernels;
        this.samples = samples;
        this.training = training;
        this.graph = graph;
        this.arena = arena;
        this.processor = arena.library().processor();
        this.program = new OneDnnProgram(arena);
        graph.outputs().forEach(name -> readers.merge(name, 1, Integer::sum));
        graph.nodes()
                .forEach(node -> node.inputs().forEach(i -> readers.merge(i, 1, Integer::sum)));
        graph.nodes().forEach(node -> append(node, input));
    }

    OneDnnProgram program() {
        return program;
    }

    /** Returns a node's value. */
    OneDnnTensor value(String node) {
        return known(values, node);
    }

    convolution_forward.primitive_desc convolution(Node.Convolution node) {
        return known(convolutions, node.name());
    }

    Normalized normalized(Node.BatchNorm node) {
        return known(norms, node.name());
    }

    eltwise_forward.primitive_desc relu(Node.Relu node) {
        return known(relus, node.name());
    }

    pooling_forward.primitive_desc pool(Node.GlobalAveragePool node) {
        return known(pools, node.name());
    }

    inner_product_forward.primitive_desc linear(Node.Linear node) {
        return known(linears, node.name());
    }

    /** Returns a node's logical shape {@code [N, C, H, W]}. */
    long[] shape(String node) {
        FeatureShape shape = network.shape(node);
        return new long[] {samples, shape.channels(), shape.rows(), shape.columns()};
    }

    /**
     * Returns the shape of a convolution's weights: {@code [O, I, rows, columns]}, and with groups
     * {@code [groups, 1, 1, rows, columns]}.
     */
    static long[] weightShape(Node.Convolution node, long inChannels) {
        long side = node.kernel();
        return node.depthwise()
                ? new long[] {node.groups(), 1, 1, side, side}
                : new long[] {node.outChannels(), inChannels, side, side};
    }

    /** Returns a convolution's weights as they are stored. */
    OneDnnTensor stored(Node.Convolution node, FloatArray weights) {
        long[] shape = weightShape(node, network.shape(node.input()).channels());
        memory.format_tag order =
                node.depthwise() ? memory.format_tag.goihw : memory.format_tag.oihw;
        return arena.over(weights, arena.layout(shape, order));
    }

    /** Returns a linear node's weights {@code [O, D, 1, 1]} as they are stored. */
    OneDnnTensor stored(Node.Linear node, FloatArray weights) {
        return arena.over(weights, arena.layout(weightShape(node), memory.format_tag.oihw));
    }

    long[] weightShape(Node.Linear node) {
        return new long[] {node.outFeatures(), network.shape(node.input()).channels(), 1, 1};
    }

    /** Returns an array of {@code [C]} as a tensor. */
    OneDnnTensor vector(FloatArray values) {
        return arena.over(values, arena.layout(new long[] {values.length()}, memory.format_tag.a));
    }

    FloatArray parameter(Node node, String kind) {
        return parameters.value(node.name() + "." + kind);
    }

    private void append(Node node, FloatArray input) {
        if (node instanceof Node.Input) {
            memory.desc layout = arena.layout(shape(node.name()), memory.format_tag.nhwc);
            values.put(node.name(), arena.over(input, layout));
        } else if (node instanceof Node.Convolution convolution) {
            convolve(convolution);
        } else if (node instanceof Node.BatchNorm norm) {
            normalize(norm);
        } else if (node instanceof Node.Relu relu) {
            rectify(relu);
        } else if (node instanceof Node.Add add) {
            sum(add);
        } else if (node instanceof Node.GlobalAveragePool pool) {
            average(pool);
        } else if (node instanceof Node.Linear linear) {
            multiply(linear);
        }
        node.inputs().forEach(this::read);
    }

    /** In inference a value's memory is free once its last reader is laid out. */
    private void read(String node) {
        int left = readers.merge(node, -1, Integer::sum);
        OneDnnTensor value = values.get(node);
        if (left == 0 && !training && value != null) {
            arena.release(value);
        }
    }

    private void convolve(Node.Convolution node) {
        long[] in = shape(node.input());
        Window window = Window.of(node);
        convolution_forward.primitive_desc primitive =
                arena.own(
                        new convolution_forward.primitive_desc(
                                arena.own(
                                        new convolution_forward.desc(
                                                kind(),
                                                dnnl.algorithm.convolution_direct.value,
                                                arena.any(in),
                                                arena.any(weightShape(node, in[1])),
                                                arena.any(shape(node.name())),
                                                window.stride(),
                                                window.padding(),
                                                window.padding())),
                                processor));
        convolutions.put(node.name(), primitive);
        OneDnnTensor x = inLayout(program, value(node.input()), arena.own(primitive.src_desc()));
        OneDnnTensor weights =
                inLayout(
                        program,
                        stored(node, parameter(node, "weight")),
                        arena.own(primitive.weights_desc()));
        OneDnnTensor y = arena.acquire(arena.own(primitive.dst_desc()));
        values.put(node.name(), y);
        program.call(
                new convolution_forward(primitive),
                argument(dnnl.DNNL_ARG_SRC, x),
                argument(dnnl.DNNL_ARG_WEIGHTS, weights),
                argument(dnnl.DNNL_ARG_DST, y));
        arena.release(weights);
        if (x != value(node.input())) {
            arena.release(x);
        }
    }

    private void normalize(Node.BatchNorm node) {
        OneDnnTensor x = value(node.input());
        Node.Relu relu = graph.hidden(node) ? graph.reluOf(node) : null;
        int flags =
                dnnl.normalization_flags.use_scale.value
                        | dnnl.normalization_flags.use_shift.value
                        | dnnl.normalization_flags.use_global_stats.value
                        | (relu == null ? 0 : dnnl.normalization_flags.fuse_norm_relu.value);
        batch_normalization_forward.primitive_desc primitive =
                arena.own(
                        new batch_normalization_forward.primitive_desc(
                                arena.own(
                                        new batch_normalization_forward.desc(
                                                kind(), x.layout(), Node.BatchNorm.EPSILON, flags)),
                                processor));
        OneDnnTensor y = arena.acquire(x.layout());
        values.put(relu == null ? node.name() : relu.name(), y);
        OneDnnTensor scale = vector(parameter(node, "weight"));
        OneDnnTensor shift = vector(parameter(node, "bias"));
        if (!training) {
            program.call(
                    new batch_normalization_forward(primitive),
                    argument(dnnl.DNNL_ARG_SRC, x),
                    argument(dnnl.DNNL_ARG_DST, y),
                    argument(dnnl.DNNL_ARG_SCALE, scale),
                    argument(dnnl.DNNL_ARG_SHIFT, shift),
                    argument(dnnl.DNNL_ARG_MEAN, vector(parameter(node, "running_mean"))),
                    argument(dnnl.DNNL_ARG_VARIANCE, vector(parameter(node, "running_var"))));
            return;
        }
        int channels = network.shape(node.name()).channels();
        FloatArray mean = FloatArray.zeros(channels);
        FloatArray variance = FloatArray.zeros(channels);
        OneDnnTensor passed =
                relu == null ? null : arena.acquire(arena.own(primitive.workspace_desc()));
        Normalized norm = new Normalized(primitive, mean, variance, passed);
        norms.put(node.name(), norm);
        List<OneDnnProgram.Argument> arguments =
                new ArrayList<>(
                        List.of(
                                argument(dnnl.DNNL_ARG_SRC, x),
                                argument(dnnl.DNNL_ARG_DST, y),
                                argument(dnnl.DNNL_ARG_SCALE, scale),
                                argument(dnnl.DNNL_ARG_SHIFT, shift),
                                argument(dnnl.DNNL_ARG_MEAN, vector(mean)),
                                argument(dnnl.DNNL_ARG_VARIANCE, vector(variance))));
        if (passed != null) {
            arguments.add(argument(dnnl.DNNL_ARG_WORKSPACE, passed));
        }
        FloatBuffer read = x.floats();
        ChannelLayout layout = x.channels(shape(node.input()));
        program.then(() -> measure(read, layout, norm));
        program.call(
                new batch_normalization_forward(primitive),
                arguments.toArray(OneDnnProgram.Argument[]::new));
    }

    /**
     * Computes the batch's statistics. The library could do it, but sums tens of thousands of
     * values in one {@code float32} after the other, which moves neurons near zero to the other
     * side.
     */
    private void measure(FloatBuffer x, ChannelLayout layout, Normalized norm) {
        double[] means = new double[layout.channels()];
        double[] variances = new double[layout.channels()];
        kernels.statistics(x, layout, means, variances);
        for (int c = 0; c < layout.channels(); c++) {
            norm.mean().floats().put(c, (float) means[c]);
            norm.variance().floats().put(c, (float) variances[c]);
        }
    }

    /** Tells each batch norm's statistics, as {@link Pass#batchStatistics} does. */
    void batchStatistics(BiConsumer<String, float[]> reader) {
        norms.forEach(
                (node, norm) -> {
                    double values = (double) samples * network.shape(node).positions();
                    float[] unbiased = norm.variance().copy();
                    for (int c = 0; c < unbiased.length; c++) {
                        unbiased[c] = (float) (unbiased[c] * values / (values - 1));
                    }
                    reader.accept(node + ".running_mean", norm.mean().copy());
                    reader.accept(node + ".running_var", unbiased);
                });
    }

    private void rectify(Node.Relu node) {
        if (values.containsKey(node.name())) {
            return; // its batch norm has done it
        }
        OneDnnTensor x = value(node.input());
        eltwise_forward.primitive_desc primitive =
                arena.own(
                        new eltwise_forward.primitive_desc(
                                arena.own(
                                        new eltwise_forward.desc(
                                                kind(),
                                                dnnl.algorithm.eltwise_relu.value,
                                                x.layout(),
                                                0f,
                                                0f)),
                                processor));
        relus.put(node.name(), primitive);
        OneDnnTensor y = arena.acquire(x.layout());
        values.put(node.name(), y);
        program.call(
                new eltwise_forward(primitive),
                argument(dnnl.DNNL_ARG_SRC, x),
                argument(dnnl.DNNL_ARG_DST, y));
    }

    private void sum(Node.Add node) {
        OneDnnTensor left = value(node.left());
        OneDnnTensor right = inLayout(program, value(node.right()), left.layout());
        OneDnnTensor y = arena.acquire(left.layout());
        values.put(node.name(), y);
        add(program, left, right, y);
        if (right != value(node.right())) {
            arena.release(right);
        }
    }

    /** Appends {@code target = left + right}, all in one layout; the target may be one of them. */
    void add(OneDnnProgram to, OneDnnTensor left, OneDnnTensor right, OneDnnTensor target) {
        binary.primitive_desc primitive =
                arena.own(
                        new binary.primitive_desc(
                                arena.own(
                                        new binary.desc(
                                                dnnl.algorithm.binary_add.value,
                                                left.layout(),
                                                right.layout(),
                                                target.layout())),
                                processor));
        to.call(
                new binary(primitive),
                argument(dnnl.DNNL_ARG_SRC_0, left),
                argument(dnnl.DNNL_ARG_SRC_1, right),
                argument(dnnl.DNNL_ARG_DST, target));
    }

    private void average(Node.GlobalAveragePool node) {
        OneDnnTensor x = value(node.input());
        Window window = whole(node);
        pooling_forward.primitive_desc primitive =
                arena.own(
                        new pooling_forward.primitive_desc(
                                arena.own(
                                        new pooling_forward.desc(
                                                kind(),
                                                dnnl.algorithm.pooling_avg_exclude_padding.value,
                                                x.layout(),
                                                arena.any(shape(node.name())),
                                                window.stride(),
                                                window.kernel(),
                                                window.padding(),
                                                window.padding())),
                                processor));
        pools.put(node.name(), primitive);
        OneDnnTensor y = arena.acquire(arena.own(primitive.dst_desc()));
        values.put(node.name(), y);
        program.call(
                new pooling_forward(primitive),
                argument(dnnl.DNNL_ARG_SRC, x),
                argument(dnnl.DNNL_ARG_DST, y));
    }

    /** Returns the window that covers a pooled node's input. */
    Window whole(Node.GlobalAveragePool node) {
        FeatureShape in = network.shape(node.input());
        return new Window(in.rows(), in.columns(), in.rows(), in.columns(), 0);
    }

    private void multiply(Node.Linear node) {
        long[] out = {samples, node.outFeatures()};
        inner_product_forward.primitive_desc primitive =
                arena.own(
                        new inner_product_forward.primitive_desc(
                                arena.own(
                                        new inner_product_forward.desc(
                                                kind(),
                                                arena.any(shape(node.input())),
                                                arena.any(weightShape(node)),
                                                arena.any(new long[] {node.outFeatures()}),
                                                arena.layout(out, memory.format_tag.nc))),
                                processor));
        linears.put(node.name(), primitive);
        OneDnnTensor x = inLayout(program, value(node.input()), arena.own(primitive.src_desc()));
        OneDnnTensor weights =
                inLayout(
                        program,
                        stored(node, parameter(node, "weight")),
                        arena.own(primitive.weights_desc()));
        memory.desc nhwc = arena.layout(shape(node.name()), memory.format_tag.nhwc);
        OneDnnTensor y = arena.acquire(nhwc);
        values.put(node.name(), y);
        program.call(
                new inner_product_forward(primitive),
                argument(dnnl.DNNL_ARG_SRC, x),
                argument(dnnl.DNNL_ARG_WEIGHTS, weights),
                argument(dnnl.DNNL_ARG_BIAS, vector(parameter(node, "bias"))),
                argument(dnnl.DNNL_ARG_DST, rows(y, node)));
        arena.release(weights);
        if (x != value(node.input())) {
            arena.release(x);
        }
    }

    /** Returns {@code [N, D, 1, 1]} in this order as {@code [N, D]} over the same memory. */
    OneDnnTensor rows(OneDnnTensor tensor, Node.Linear node) {
        memory.desc layout =
                arena.layout(new long[] {samples, node.outFeatures()}, memory.format_tag.nc);
        return new OneDnnTensor(
                arena.own(
                        new memory(
                                layout, processor, arena.own(tensor.contents().get_data_handle()))),
                layout,
                0);
    }

    /**
     * Returns the tensor itself where it has that layout, else a copy that is appended to a program
     * and that the caller releases.
     */
    OneDnnTensor inLayout(OneDnnProgram to, OneDnnTensor tensor, memory.desc layout) {
        if (tensor.layout().equals(layout)) {
            return tensor;
        }
        OneDnnTensor copy = arena.acquire(layout);
        to.copy(tensor, copy);
        return copy;
    }

    /** Closes what the arena does not own. */
    void close() {
        norms.values()
                .forEach(
                        norm -> {
                            norm.mean().close();
                            norm.variance().close();
                        });
    }

    private int kind() {
        return (training ? dnnl.prop_kind.forward_training : dnnl.prop_kind.forward_inference)
                .value;
    }

    private static <T> T known(Map<String, T> map, String node) {
        T found = map.get(node);
        if (found == null) {
            throw new IllegalStateException("not kept in this pass: " + node);
        }
        return found;
    }
}
