package io.abmesh.nn.engine;

import io.abmesh.nn.engine.GradientPool.Gradient;
import io.abmesh.nn.network.FeatureShape;
import io.abmesh.nn.network.NetworkSpec;
import io.abmesh.nn.network.Node;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * A pass of ND4J's operators and the {@link ChannelKernels}, in {@code [N, H, W, C]}: for every
 * platform that ND4J has.
 */
final class OperatorPass implements Pass {
    private final NetworkSpec network;
    private final ParameterStore parameters;
    private final ChannelKernels kernels;
    private final int samples;
    private final boolean training;
    private final PassGraph graph;
    private final Map<String, FloatArray> values = new HashMap<>();
    private final Map<String, BatchStatistics> statistics = new HashMap<>();
    private final Map<String, FloatArray> seeds = new LinkedHashMap<>();
    private final Map<String, Gradient> pending = new HashMap<>();
    private final GradientPool gradients = new GradientPool();

    /** What a batch norm used in the last forward pass; arrays of {@code C}. */
    private static final class BatchStatistics {
        private final double[] mean;
        private final double[] variance;
        private final float[] centre;
        private final float[] inverse;
        private final float[] scale;
        private final float[] shift;

        BatchStatistics(int channels) {
            mean = new double[channels];
            variance = new double[channels];
            centre = new float[channels];
            inverse = new float[channels];
            scale = new float[channels];
            shift = new float[channels];
        }
    }

    OperatorPass(
            NetworkSpec network,
            ParameterStore parameters,
            ChannelKernels kernels,
            int samples,
            Set<String> outputs,
            boolean training) {
        this.network = network;
        this.parameters = parameters;
        this.kernels = kernels;
        this.samples = samples;
        this.training = training;
        this.graph = new PassGraph(network, outputs);
        for (Node node : graph.nodes()) {
            if (node instanceof Node.BatchNorm) {
                statistics.put(node.name(), new BatchStatistics(channels(node.name())));
            }
            if (!graph.hidden(node)) {
                values.put(node.name(), FloatArray.zeros(shape(node.name())));
            }
        }
        for (String output : outputs) {
            seeds.put(output, FloatArray.zeros(shape(output)));
        }
    }

    @Override
    public FloatArray input() {
        return value(graph.nodes().get(0).name());
    }

    @Override
    public FloatArray output(String name) {
        return value(name);
    }

    @Override
    public FloatArray seed(String name) {
        FloatArray seed = seeds.get(name);
        if (seed == null) {
            throw new IllegalArgumentException("not an output: " + name);
        }
        return seed;
    }

    @Override
    public void batchStatistics(BiConsumer<String, float[]> reader) {
        for (Node node : graph.nodes()) {
            if (node instanceof Node.BatchNorm norm) {
                BatchStatistics batch = statistics(norm);
                double rows = (double) value(norm.input()).length() / batch.mean.length;
                float[] mean = new float[batch.mean.length];
                float[] unbiased = new float[batch.mean.length];
                for (int c = 0; c < mean.length; c++) {
                    mean[c] = (float) batch.mean[c];
                    unbiased[c] = (float) (batch.variance[c] * rows / (rows - 1));
                }
                reader.accept(norm.name() + ".running_mean", mean);
                reader.accept(norm.name() + ".running_var", unbiased);
            }
        }
    }

    @Override
    public void forward() {
        for (Node node : graph.nodes()) {
            if (node instanceof Node.Convolution convolution) {
                Convolutions.forward(
                        convolution,
                        value(convolution.input()),
                        parameters.value(node.name() + ".weight"),
                        value(node.name()));
            } else if (node instanceof Node.BatchNorm norm) {
                normalize(norm);
            } else if (node instanceof Node.Relu relu) {
                if (!graph.fused(relu)) {
                    kernels.relu(value(relu.input()), value(relu.name()));
                }
            } else if (node instanceof Node.Add add) {
                kernels.add(value(add.left()), value(add.right()), value(add.name()));
            } else if (node instanceof Node.GlobalAveragePool pool) {
                kernels.pool(
                        value(pool.input()), samples, channels(pool.input()), value(pool.name()));
            } else if (node instanceof Node.Linear linear) {
                linear(linear);
            }
        }
    }

    private void normalize(Node.BatchNorm norm) {
        BatchStatistics batch = statistics(norm);
        FloatArray x = value(norm.input());
        int channels = batch.scale.length;
        if (training) {
            kernels.statistics(
                    x.floats(),
                    ChannelLayout.rows(x.length() / channels, channels),
                    batch.mean,
                    batch.variance);
        } else {
            float[] runningMean = parameters.value(norm.name() + ".running_mean").copy();
            float[] runningVariance = parameters.value(norm.name() + ".running_var").copy();
            for (int c = 0; c < channels; c++) {
                batch.mean[c] = runningMean[c];
                batch.variance[c] = runningVariance[c];
            }
        }
        float[] gamma = parameters.value(norm.name() + ".weight").copy();
        float[] beta = parameters.value(norm.name() + ".bias").copy();
        for (int c = 0; c < channels; c++) {
            double inverse = 1 / Math.sqrt(batch.variance[c] + Node.BatchNorm.EPSILON);
            batch.centre[c] = (float) batch.mean[c];
            batch.inverse[c] = (float) inverse;
            batch.scale[c] = (float) (gamma[c] * inverse);
            batch.shift[c] = (float) (beta[c] - batch.mean[c] * gamma[c] * inverse);
        }
        Node.Relu relu = graph.reluOf(norm);
        kernels.normalize(
                x,
                batch.scale,
                batch.shift,
                values.get(norm.name()),
                relu == null ? null : value(relu.name()));
    }

    private void linear(Node.Linear linear) {
        int in = channels(linear.input());
        int out = linear.outFeatures();
        float[] x = value(linear.input()).copy();
        float[] w = parameters.value(linear.name() + ".weight").copy();
        float[] b = parameters.value(linear.name() + ".bias").copy();
        float[] y = new float[samples * out];
        for (int n = 0; n < samples; n++) {
            for (int k = 0; k < out; k++) {
                float sum = 0;
                for (int d = 0; d < in; d++) {
                    sum += x[n * in + d] * w[k * in + d];
                }
                y[n * out + k] = sum + b[k];
            }
        }
        value(linear.name()).set(y);
    }

    @Override
    public void backward() {
        List<Node> nodes = graph.nodes();
        for (String output : seeds.keySet()) {
            Gradient gradient = gradients.acquire(shape(output));
            gradient.array().copyFrom(seed(output));
            pending.put(output, gradient);
        }
        for (int i = nodes.size() - 1; i >= 0; i--) {
            Node node = nodes.get(i);
            if (node instanceof Node.Convolution convolution) {
                convolutionBackward(convolution);
            } else if (node instanceof Node.BatchNorm norm) {
                normalizeBackward(norm);
            } else if (node instanceof Node.Relu relu) {
                if (!graph.fused(relu)) {
                    reluBackward(relu);
                }
            } else if (node instanceof Node.Add add) {
                addBackward(add);
            } else if (node instanceof Node.GlobalAveragePool pool) {
                poolBackward(pool);
            } else if (node instanceof Node.Linear linear) {
                linearBackward(linear);
            }
        }
        pending.values().forEach(gradients::release);
        pending.clear();
    }

    private void convolutionBackward(Node.Convolution node) {
        Gradient dy = take(node.name());
        Gradient dx = gradients.acquire(shape(node.input()));
        Convolutions.backward(
                node,
                value(node.input()),
                parameters.value(node.name() + ".weight"),
                dy.array(),
                dx.array(),
                parameters.gradient(node.name() + ".weight"));
        gradients.release(dy);
        if (network.node(node.input()) instanceof Node.Input) {
            gradients.release(dx);
        } else {
            accumulate(node.input(), dx);
        }
    }

    private void normalizeBackward(Node.BatchNorm norm) {
        BatchStatistics batch = statistics(norm);
        Node.Relu relu = graph.reluOf(norm);
        Gradient dy = relu == null ? null : pending.remove(relu.name());
        Gradient dz = pending.remove(norm.name());
        Gradient addend = pending.remove(norm.input());
        Gradient dx =
                addend != null && addend.exclusive()
                        ? addend
                        : gradients.acquire(shape(norm.input()));
        kernels.normalizeBackward(
                value(norm.input()),
                dy == null ? null : dy.array(),
                dz == null ? null : dz.array(),
                dy != null && dy.exclusive() ? dy.array() : null,
                batch.centre,
                batch.inverse,
                batch.scale,
                batch.shift,
                addend == null ? null : addend.array(),
                dx.array(),
                parameters.gradient(norm.name() + ".weight"),
                parameters.gradient(norm.name() + ".bias"));
        for (Gradient done : new Gradient[] {dy, dz, addend == dx ? null : addend}) {
            if (done != null) {
                gradients.release(done);
            }
        }
        pending.put(norm.input(), dx);
    }

    private void reluBackward(Node.Relu relu) {
        Gradient dy = take(relu.name());
        Gradient addend = pending.remove(relu.input());
        Gradient dx =
                addend != null && addend.exclusive()
                        ? addend
                        : gradients.acquire(shape(relu.input()));
        kernels.reluBackward(
                value(relu.input()),
                dy.array(),
                addend == null ? null : addend.array(),
                dx.array());
        gradients.release(dy);
        if (addend != null && addend != dx) {
            gradients.release(addend);
        }
        pending.put(relu.input(), dx);
    }

    private void addBackward(Node.Add add) {
        Gradient dy = take(add.name());
        accumulate(add.left(), dy.shared());
        accumulate(add.right(), dy);
    }

    private void poolBackward(Node.GlobalAveragePool pool) {
        Gradient dy = take(pool.name());
        Gradient addend = pending.remove(pool.input());
        Gradient dx =
                addend != null && addend.exclusive()
                        ? addend
                        : gradients.acquire(shape(pool.input()));
        kernels.poolBackward(
                dy.array(),
                samples,
                channels(pool.input()),
                addend == null ? null : addend.array(),
                dx.array());
        gradients.release(dy);
        if (addend != null && addend != dx) {
            gradients.release(addend);
        }
        pending.put(pool.input(), dx);
    }

    private void linearBackward(Node.Linear linear) {
        Gradient dy = take(linear.name());
        int in = channels(linear.input());
        int out = linear.outFeatures();
        float[] g = dy.array().copy();
        gradients.release(dy);
        float[] x = value(linear.input()).copy();
        float[] w = parameters.value(linear.name() + ".weight").copy();
        float[] dw = new float[w.length];
        float[] db = new float[out];
        float[] dx = new float[x.length];
        for (int n = 0; n < samples; n++) {
            for (int k = 0; k < out; k++) {
                float gradient = g[n * out + k];
                db[k] += gradient;
                for (int d = 0; d < in; d++) {
                    dw[k * in + d] += gradient * x[n * in + d];
                    dx[n * in + d] += gradient * w[k * in + d];
                }
            }
        }
        parameters.gradient(linear.name() + ".weight").set(dw);
        parameters.gradient(linear.name() + ".bias").set(db);
        Gradient back = gradients.acquire(shape(linear.input()));
        back.array().set(dx);
        accumulate(linear.input(), back);
    }

    /** Adds {@code gradient}, whose holder the caller gives up, to what the node has received. */
    private void accumulate(String node, Gradient gradient) {
        Gradient before = pending.remove(node);
        if (before == null) {
            pending.put(node, gradient);
            return;
        }
        Gradient sum =
                before.exclusive()
                        ? before
                        : gradient.exclusive() ? gradient : gradients.acquire(shape(node));
        kernels.add(before.array(), gradient.array(), sum.array());
        for (Gradient done : new Gradient[] {before, gradient}) {
            if (done != sum) {
                gradients.release(done);
            }
        }
        pending.put(node, sum);
    }

    private Gradient take(String node) {
        Gradient gradient = pending.remove(node);
        if (gradient == null) {
            throw new IllegalStateException("no gradient reached " + node + ": seed every output");
        }
        return gradient;
    }

    private BatchStatistics statistics(Node.BatchNorm norm) {
        BatchStatistics found = statistics.get(norm.name());
        if (found == null) {
            throw new IllegalStateException("batch norm is not part of this pass: " + norm.name());
        }
        return found;
    }

    private FloatArray value(String node) {
        @Nullable FloatArray found = values.get(node);
        if (found == null) {
            throw new IllegalStateException("value is not kept in this pass: " + node);
        }
        return found;
    }

    private int channels(String node) {
        return network.shape(node).channels();
    }

    private long[] shape(String node) {
        FeatureShape shape = network.shape(node);
        return new long[] {
            samples, shape.rows(), shape.columns(), shape.channels()
        }; // [N, H, W, C]
    }

    @Override
    public void close() {
        values.values().forEach(FloatArray::close);
        seeds.values().forEach(FloatArray::close);
        gradients.close();
    }
}
