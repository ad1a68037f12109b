package io.abmesh.nn.engine;

import static io.abmesh.nn.engine.OneDnnProgram.argument;

import io.abmesh.nn.network.NetworkSpec;
import io.abmesh.nn.network.Node;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.dnnl.batch_normalization_backward;
import org.bytedeco.dnnl.convolution_backward_data;
import org.bytedeco.dnnl.convolution_backward_weights;
import org.bytedeco.dnnl.convolution_forward;
import org.bytedeco.dnnl.eltwise_backward;
import org.bytedeco.dnnl.engine;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.inner_product_backward_data;
import org.bytedeco.dnnl.inner_product_backward_weights;
import org.bytedeco.dnnl.inner_product_forward;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.pooling_backward;

/**
 * Lays out the backward pass of a {@link OneDnnForward}: from the seeds of the outputs to the
 * gradients of the parameters. A gradient's memory is reused as soon as nobody reads it any more.
 */
final class OneDnnBackward {
    private final NetworkSpec network;
    private final ParameterStore parameters;
    private final PassGraph graph;
    private final OneDnnArena arena;
    private final engine processor;
    private final OneDnnForward forward;
    private final OneDnnProgram program;
    private final Map<String, OneDnnTensor> pending = new HashMap<>();

    OneDnnBackward(
            NetworkSpec network,
            ParameterStore parameters,
            PassGraph graph,
            OneDnnArena arena,
            OneDnnForward forward,
            Map<String, OneDnnTensor> seeds) {
        this.network = network;
        this.parameters = parameters;
        this.graph = graph;
        this.arena = arena;
        this.processor = arena.library().processor();
        this.forward = forward;
        this.program = new OneDnnProgram(arena);
        seeds.forEach(
                (output, seed) -> {
                    OneDnnTensor gradient = arena.acquire(forward.value(output).layout());
                    program.copy(seed, gradient);
                    pending.put(output, gradient);
                });
        List<Node> nodes = graph.nodes();
        for (int i = nodes.size() - 1; i >= 0; i--) {
            append(nodes.get(i));
        }
    }

    OneDnnProgram program() {
        return program;
    }

    private void append(Node node) {
        if (node instanceof Node.Convolution convolution) {
            convolve(convolution);
        } else if (node instanceof Node.BatchNorm norm) {
            normalize(norm);
        } else if (node instanceof Node.Relu relu) {
            if (!(graph.fused(relu) && graph.hidden(network.node(relu.input())))) {
                rectify(relu);
            }
        } else if (node instanceof Node.Add add) {
            OneDnnTensor dy = take(add.name());
            accumulate(add.left(), dy.shared());
            accumulate(add.right(), dy);
        } else if (node instanceof Node.GlobalAveragePool pool) {
            average(pool);
        } else if (node instanceof Node.Linear linear) {
            multiply(linear);
        }
    }

    private void convolve(Node.Convolution node) {
        OneDnnTensor dy = take(node.name());
        convolution_forward.primitive_desc hint = forward.convolution(node);
        OneDnnForward.Window window = OneDnnForward.Window.of(node);
        long[] in = forward.shape(node.input());
        memory.desc x = arena.any(in);
        memory.desc weights = arena.any(OneDnnForward.weightShape(node, in[1]));
        memory.desc y = arena.any(forward.shape(node.name()));
        weightGradient(node, dy, hint, window, x, weights, y);
        if (!(network.node(node.input()) instanceof Node.Input)) {
            inputGradient(node, dy, hint, window, x, weights, y);
        }
        arena.release(dy);
    }

    private void weightGradient(
            Node.Convolution node,
            OneDnnTensor dy,
            convolution_forward.primitive_desc hint,
            OneDnnForward.Window window,
            memory.desc x,
            memory.desc weights,
            memory.desc y) {
        convolution_backward_weights.primitive_desc primitive =
                arena.own(
                        new convolution_backward_weights.primitive_desc(
                                arena.own(
                                        new convolution_backward_weights.desc(
                                                dnnl.algorithm.convolution_direct.value,
                                                x,
                                                weights,
                                                y,
                                                window.stride(),
                                                window.padding(),
                                                window.padding())),
                                processor,
                                hint));
        OneDnnTensor value = forward.value(node.input());
        OneDnnTensor source = forward.inLayout(program, value, arena.own(primitive.src_desc()));
        OneDnnTensor gradient = forward.inLayout(program, dy, arena.own(primitive.diff_dst_desc()));
        OneDnnTensor stored = forward.stored(node, parameters.gradient(node.name() + ".weight"));
        OneDnnTensor result = arena.acquire(arena.own(primitive.diff_weights_desc()));
        program.call(
                new convolution_backward_weights(primitive),
                argument(dnnl.DNNL_ARG_SRC, source),
                argument(dnnl.DNNL_ARG_DIFF_DST, gradient),
                argument(dnnl.DNNL_ARG_DIFF_WEIGHTS, result));
        program.copy(result, stored);
        arena.release(result);
        releaseCopy(source, value);
        releaseCopy(gradient, dy);
    }

    private void inputGradient(
            Node.Convolution node,
            OneDnnTensor dy,
            convolution_forward.primitive_desc hint,
            OneDnnForward.Window window,
            memory.desc x,
            memory.desc weights,
            memory.desc y) {
        convolution_backward_data.primitive_desc primitive =
                arena.own(
                        new convolution_backward_data.primitive_desc(
                                arena.own(
                                        new convolution_backward_data.desc(
                                                dnnl.algorithm.convolution_direct.value,
                                                x,
                                                weights,
                                                y,
                                                window.stride(),
                                                window.padding(),
                                                window.padding())),
                                processor,
                                hint));
        OneDnnTensor gradient = forward.inLayout(program, dy, arena.own(primitive.diff_dst_desc()));
        OneDnnTensor used =
                forward.inLayout(
                        program,
                        forward.stored(node, forward.parameter(node, "weight")),
                        arena.own(primitive.weights_desc()));
        OneDnnTensor dx = arena.acquire(arena.own(primitive.diff_src_desc()));
        program.call(
                new convolution_backward_data(primitive),
                argument(dnnl.DNNL_ARG_DIFF_DST, gradient),
                argument(dnnl.DNNL_ARG_WEIGHTS, used),
                argument(dnnl.DNNL_ARG_DIFF_SRC, dx));
        arena.release(used);
        releaseCopy(gradient, dy);
        accumulate(node.input(), dx);
    }

    private void normalize(Node.BatchNorm node) {
        Node.Relu relu = graph.hidden(node) ? graph.reluOf(node) : null;
        OneDnnTensor dy = take(relu == null ? node.name() : relu.name());
        OneDnnForward.Normalized batch = forward.normalized(node);
        OneDnnTensor x = forward.value(node.input());
        int flags =
                dnnl.normalization_flags.use_scale.value
                        | dnnl.normalization_flags.use_shift.value
                        | (relu == null ? 0 : dnnl.normalization_flags.fuse_norm_relu.value);
        batch_normalization_backward.primitive_desc primitive =
                arena.own(
                        new batch_normalization_backward.primitive_desc(
                                arena.own(
                                        new batch_normalization_backward.desc(
                                                dnnl.prop_kind.backward.value,
                                                x.layout(),
                                                x.layout(),
                                                Node.BatchNorm.EPSILON,
                                                flags)),
                                processor,
                                batch.primitive()));
        OneDnnTensor dx = dy.exclusive() ? dy : arena.acquire(x.layout());
        List<OneDnnProgram.Argument> arguments =
                new ArrayList<>(
                        List.of(
                                argument(dnnl.DNNL_ARG_SRC, x),
                                argument(dnnl.DNNL_ARG_DIFF_DST, dy),
                                argument(dnnl.DNNL_ARG_DIFF_SRC, dx),
                                argument(dnnl.DNNL_ARG_MEAN, forward.vector(batch.mean())),
                                argument(dnnl.DNNL_ARG_VARIANCE, forward.vector(batch.variance())),
                                argument(
                                        dnnl.DNNL_ARG_SCALE,
                                        forward.vector(forward.parameter(node, "weight"))),
                                argument(
                                        dnnl.DNNL_ARG_SHIFT,
                                        forward.vector(forward.parameter(node, "bias"))),
                                argument(
                                        dnnl.DNNL_ARG_DIFF_SCALE,
                                        forward.vector(
                                                parameters.gradient(node.name() + ".weight"))),
                                argument(
                                        dnnl.DNNL_ARG_DIFF_SHIFT,
                                        forward.vector(
                                                parameters.gradient(node.name() + ".bias")))));
        if (batch.passed() != null) {
            arguments.add(argument(dnnl.DNNL_ARG_WORKSPACE, batch.passed()));
        }
        program.call(
                new batch_normalization_backward(primitive),
                arguments.toArray(OneDnnProgram.Argument[]::new));
        if (dx != dy) {
            arena.release(dy);
        }
        accumulate(node.input(), dx);
    }

    private void rectify(Node.Relu node) {
        OneDnnTensor dy = take(node.name());
        OneDnnTensor x = forward.value(node.input());
        eltwise_backward.primitive_desc primitive =
                arena.own(
                        new eltwise_backward.primitive_desc(
                                arena.own(
                                        new eltwise_backward.desc(
                                                dnnl.algorithm.eltwise_relu.value,
                                                x.layout(),
                                                x.layout(),
                                                0f,
                                                0f)),
                                processor,
                                forward.relu(node)));
        OneDnnTensor dx = dy.exclusive() ? dy : arena.acquire(x.layout());
        program.call(
                new eltwise_backward(primitive),
                argument(dnnl.DNNL_ARG_SRC, x),
                argument(dnnl.DNNL_ARG_DIFF_DST, dy),
                argument(dnnl.DNNL_ARG_DIFF_SRC, dx));
        if (dx != dy) {
            arena.release(dy);
        }
        accumulate(node.input(), dx);
    }

    private void average(Node.GlobalAveragePool node) {
        OneDnnTensor dy = take(node.name());
        OneDnnForward.Window window = forward.whole(node);
        memory.desc in = forward.value(node.input()).layout();
        pooling_backward.primitive_desc primitive =
                arena.own(
                        new pooling_backward.primitive_desc(
                                arena.own(
                                        new pooling_backward.desc(
                                                dnnl.algorithm.pooling_avg_exclude_padding.value,
                                                in,
                                                dy.layout(),
                                                window.stride(),
                                                window.kernel(),
                                                window.padding(),
                                                window.padding())),
                                processor,
                                forward.pool(node)));
        OneDnnTensor dx = arena.acquire(in);
        program.call(
                new pooling_backward(primitive),
                argument(dnnl.DNNL_ARG_DIFF_DST, dy),
                argument(dnnl.DNNL_ARG_DIFF_SRC, dx));
        arena.release(dy);
        accumulate(node.input(), dx);
    }

    private void multiply(Node.Linear node) {
        OneDnnTensor dy = take(node.name());
        OneDnnTensor rows = forward.rows(dy, node);
        inner_product_forward.primitive_desc hint = forward.linear(node);
        memory.desc x = arena.any(forward.shape(node.input()));
        memory.desc weights = arena.any(forward.weightShape(node));
        inner_product_backward_weights.primitive_desc byWeights =
                arena.own(
                        new inner_product_backward_weights.primitive_desc(
                                arena.own(
                                        new inner_product_backward_weights.desc(
                                                x,
                                                weights,
                                                arena.any(new long[] {node.outFeatures()}),
                                                rows.layout())),
                                processor,
                                hint));
        OneDnnTensor value = forward.value(node.input());
        OneDnnTensor source = forward.inLayout(program, value, arena.own(byWeights.src_desc()));
        OneDnnTensor result = arena.acquire(arena.own(byWeights.diff_weights_desc()));
        program.call(
                new inner_product_backward_weights(byWeights),
                argument(dnnl.DNNL_ARG_SRC, source),
                argument(dnnl.DNNL_ARG_DIFF_DST, rows),
                argument(dnnl.DNNL_ARG_DIFF_WEIGHTS, result),
                argument(
                        dnnl.DNNL_ARG_DIFF_BIAS,
                        forward.vector(parameters.gradient(node.name() + ".bias"))));
        program.copy(result, forward.stored(node, parameters.gradient(node.name() + ".weight")));
        arena.release(result);
        releaseCopy(source, value);

        inner_product_backward_data.primitive_desc byInput =
                arena.own(
                        new inner_product_backward_data.primitive_desc(
                                arena.own(
                                        new inner_product_backward_data.desc(
                                                x, weights, rows.layout())),
                                processor,
                                hint));
        OneDnnTensor used =
                forward.inLayout(
                        program,
                        forward.stored(node, forward.parameter(node, "weight")),
                        arena.own(byInput.weights_desc()));
        OneDnnTensor dx = arena.acquire(arena.own(byInput.diff_src_desc()));
        program.call(
                new inner_product_backward_data(byInput),
                argument(dnnl.DNNL_ARG_DIFF_DST, rows),
                argument(dnnl.DNNL_ARG_WEIGHTS, used),
                argument(dnnl.DNNL_ARG_DIFF_SRC, dx));
        arena.release(used);
        arena.release(dy);
        accumulate(node.input(), dx);
    }

    /** Adds a gradient, whose holder the caller gives up, to what the node has received. */
    private void accumulate(String node, OneDnnTensor gradient) {
        memory.desc layout = forward.value(node).layout();
        OneDnnTensor fitting = forward.inLayout(program, gradient, layout);
        releaseCopy(gradient, fitting);
        OneDnnTensor before = pending.remove(node);
        if (before == null) {
            pending.put(node, fitting);
            return;
        }
        OneDnnTensor sum =
                before.exclusive() ? before : fitting.exclusive() ? fitting : arena.acquire(layout);
        forward.add(program, before, fitting, sum);
        releaseCopy(before, sum);
        releaseCopy(fitting, sum);
        pending.put(node, sum);
    }

    /** Lets go of a tensor that is not the other. */
    private void releaseCopy(OneDnnTensor copy, OneDnnTensor other) {
        if (copy != other) {
            arena.release(copy);
        }
    }

    private OneDnnTensor take(String node) {
        OneDnnTensor gradient = pending.remove(node);
        if (gradient == null) {
            throw new IllegalStateException("no gradient reached " + node + ": seed every output");
        }
        return gradient;
    }
}
