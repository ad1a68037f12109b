package io.abmesh.nn.engine;

import io.abmesh.nn.network.FeatureShape;
import io.abmesh.nn.network.NetworkSpec;
import io.abmesh.nn.network.Node;
import io.abmesh.nn.network.ParameterSpec;
import io.abmesh.nn.teacher.PixelNormalization;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.nd4j.nativeblas.NativeOpsHolder;

/**
 * Executes one network: its parameters, forward and backward passes over batches of any size, and
 * the update.
 *
 * <p>A training step is {@link #forward} with {@code training}, {@link #seed} per output, {@link
 * #backward}, {@link #gradient(float, float[])} and {@link #batchStatistics} per micro-batch, which
 * change nothing that another micro-batch reads; then {@link #fold} per micro-batch and {@link
 * #update}. Results are the same bits for the same calls on one machine with one thread count.
 *
 * <p>Owns all native memory until closed; allocates nothing once every batch size in use has been
 * seen. One thread at a time.
 */
public final class Engine implements AutoCloseable {
    /** Passes kept for other batch sizes and outputs than the current ones. */
    private static final int KEPT_PASSES = 4;

    /** Arrays of one thread for the sample that it is at. */
    private static final class SampleArrays {
        private float[] value = {};
        private float[] gradient = {};

        void require(int size) {
            if (value.length != size) {
                value = new float[size];
                gradient = new float[size];
            }
        }
    }

    private record PassKey(int samples, Set<String> outputs, boolean training) {}

    private final NetworkSpec network;
    private final @Nullable OneDnn library;
    private final int threads;
    private final ComputePool pool;
    private final ChannelKernels kernels;
    private final ParameterStore parameters;
    private final Map<PassKey, Pass> passes = new LinkedHashMap<>(16, 0.75f, true);
    private final Map<Set<String>, Set<ParameterSpec>> reached = new HashMap<>();
    private final ThreadLocal<SampleArrays> sampleArrays =
            ThreadLocal.withInitial(SampleArrays::new);
    private @Nullable Pass current;
    private int currentSamples;

    /**
     * Makes an engine whose parameters are zero.
     *
     * @param threads of the kernels and of ND4J's operators, at least 1
     */
    public Engine(NetworkSpec network, int threads) {
        this(network, threads, OneDnn.find());
    }

    Engine(NetworkSpec network, int threads, Optional<OneDnn> library) {
        this.network = network;
        this.library = library.orElse(null);
        this.threads = threads;
        this.pool = new ComputePool(threads);
        this.kernels = new HostKernels(pool);
        this.parameters = new ParameterStore(network);
    }

    /**
     * Returns what computes the passes of this process: {@code oneDNN VERSION INSTRUCTIONS} or
     * {@code ND4J operators}. Engines that differ in it may differ in the last bits of a result.
     */
    public static String library() {
        return OneDnn.find().map(OneDnn::name).orElse("ND4J operators");
    }

    /** Returns every array, in order. */
    public List<ParameterSpec> parameters() {
        return parameters.specs();
    }

    /** Returns a copy of an array, row-major. */
    public float[] get(String parameter) {
        return parameters.value(parameter).copy();
    }

    /** Overwrites an array. */
    public void set(String parameter, float[] values) {
        parameters.value(parameter).set(values);
    }

    /** Returns a copy of the gradient of a trained array, of the backward pass done last. */
    public float[] gradient(String parameter) {
        return parameters.gradient(parameter).copy();
    }

    /** Returns a copy of the velocity of a trained array. */
    public float[] velocity(String parameter) {
        return parameters.velocity(parameter);
    }

    /** Overwrites the velocity of a trained array. */
    public void setVelocity(String parameter, float[] velocity) {
        parameters.setVelocity(parameter, velocity);
    }

    /** Makes every velocity zero. */
    public void clearVelocities() {
        parameters.flatVelocities().fill(0f);
    }

    /**
     * Computes some outputs for a batch.
     *
     * @param images {@code uint8 [N, C, H, W]}, {@code N * C * H * W} bytes remaining; borrowed,
     *     position untouched
     * @param samples N, at least 1; at least 2 rows per channel in training
     * @param normalization what turns pixels into inputs
     * @param outputs names of nodes
     * @param training true: batch statistics; false: running statistics
     * @throws IllegalArgumentException if the bytes do not fit the shape
     */
    public void forward(
            ByteBuffer images,
            int samples,
            PixelNormalization normalization,
            Set<String> outputs,
            boolean training) {
        FeatureShape shape = network.inputShape();
        long expected = (long) samples * shape.elements();
        if (images.remaining() != expected) {
            throw new IllegalArgumentException(
                    "images have a wrong size: found="
                            + images.remaining()
                            + " bytes, expected="
                            + expected
                            + ", shape=["
                            + samples
                            + ", "
                            + shape.toString().substring(1));
        }
        limitOperators();
        Pass pass = pass(new PassKey(samples, Set.copyOf(outputs), training));
        load(images, samples, normalization, pass.input());
        pass.forward();
        current = pass;
        currentSamples = samples;
    }

    /** Returns a copy of an output of the last forward pass, {@code [N, H, W, C]}. */
    public float[] output(String name) {
        return current().output(name).copy();
    }

    /** Fills in the gradient of the loss by an output, sample by sample, on the compute threads. */
    public void seed(String output, SampleGradient gradient) {
        FloatBuffer values = current().output(output).floats();
        FloatBuffer seeds = current().seed(output).floats();
        int size = network.shape(output).elements();
        pool.run(
                currentSamples,
                sample -> {
                    SampleArrays own = sampleArrays.get();
                    own.require(size);
                    values.get(sample * size, own.value);
                    Arrays.fill(own.gradient, 0f);
                    gradient.accept(sample, own.value, own.gradient);
                    seeds.put(sample * size, own.gradient);
                });
    }

    /**
     * Computes the gradients of the parameters that the outputs depend on; every output has been
     * seeded.
     */
    public void backward() {
        limitOperators();
        current().backward();
    }

    /** Returns the number of trained elements, the length of a gradient. */
    public int gradientLength() {
        return parameters.flatValues().length();
    }

    /** Returns the number of running statistics, the length of a batch's. */
    public int statisticsLength() {
        return parameters.flatStatistics().length();
    }

    /**
     * Copies the last gradient of every trained array, flat, in the order of the network. Arrays
     * that the outputs do not depend on keep what was there, which {@link #update} does not read.
     *
     * @param factor share of the micro-batch in the step
     * @param into written, {@code [gradientLength]}
     */
    public void gradient(float factor, float[] into) {
        kernels.scale(parameters.flatGradients(), factor, into);
    }

    /**
     * Copies what the batch norms of the last forward pass found: means and unbiased variances,
     * flat, at the places of the running statistics; 0 where a batch norm took no part.
     *
     * @param into written, {@code [statisticsLength]}
     */
    public void batchStatistics(float[] into) {
        Arrays.fill(into, 0f);
        current()
                .batchStatistics(
                        (parameter, values) ->
                                System.arraycopy(
                                        values,
                                        0,
                                        into,
                                        parameters.statisticsRange(parameter).from(),
                                        values.length));
    }

    /**
     * Folds the statistics of one micro-batch into the running ones of every batch norm that the
     * outputs depend on.
     *
     * @param statistics as of {@link #batchStatistics}; borrowed
     */
    public void fold(Set<String> outputs, float[] statistics) {
        float keep = 1 - Node.BatchNorm.MOMENTUM;
        for (ParameterSpec parameter : reached(outputs)) {
            if (parameter.kind().trained()) {
                continue;
            }
            float[] running = parameters.value(parameter.name()).copy();
            int from = parameters.statisticsRange(parameter.name()).from();
            for (int i = 0; i < running.length; i++) {
                running[i] = keep * running[i] + Node.BatchNorm.MOMENTUM * statistics[from + i];
            }
            parameters.value(parameter.name()).set(running);
        }
    }

    /**
     * Updates the parameters that some outputs depend on by the step's gradient; the others stay as
     * they are, without decay, as a parameter without gradient does in PyTorch.
     *
     * @param gradient of the step, {@code [gradientLength]}; borrowed
     */
    public void update(
            Set<String> outputs, float[] gradient, float rate, float momentum, float decay) {
        parameters.flatTotals().set(gradient);
        Set<ParameterSpec> reached = reached(outputs);
        for (ParameterStore.Range range : parameters.ranges(reached::contains)) {
            kernels.nesterov(
                    parameters.flatValues(),
                    parameters.flatTotals(),
                    parameters.flatVelocities(),
                    range.from(),
                    range.to(),
                    rate,
                    momentum,
                    decay);
        }
    }

    private Set<ParameterSpec> reached(Set<String> outputs) {
        return reached.computeIfAbsent(
                Set.copyOf(outputs),
                of -> {
                    Set<ParameterSpec> found = new LinkedHashSet<>();
                    for (Node node : network.needed(of)) {
                        found.addAll(network.parametersOf(node));
                    }
                    return found;
                });
    }

    /** OpenMP keeps the number with the calling thread, so it is told in each pass. */
    private void limitOperators() {
        NativeOpsHolder.getInstance().getDeviceNativeOps().setOmpNumThreads(threads);
    }

    private Pass current() {
        if (current == null) {
            throw new IllegalStateException("no forward pass yet");
        }
        return current;
    }

    private Pass pass(PassKey key) {
        Pass known = passes.get(key);
        if (known != null) {
            return known;
        }
        Iterator<Pass> oldest = passes.values().iterator();
        while (passes.size() >= KEPT_PASSES && oldest.hasNext()) {
            oldest.next().close();
            oldest.remove();
        }
        Pass fresh =
                library == null
                        ? new OperatorPass(
                                network,
                                parameters,
                                kernels,
                                key.samples(),
                                key.outputs(),
                                key.training())
                        : new OneDnnPass(
                                library,
                                network,
                                parameters,
                                kernels,
                                key.samples(),
                                key.outputs(),
                                key.training());
        passes.put(key, fresh);
        return fresh;
    }

    private void load(
            ByteBuffer images, int samples, PixelNormalization normalization, FloatArray input) {
        FeatureShape shape = network.inputShape();
        int channels = shape.channels();
        int positions = shape.positions();
        float[] scale = new float[channels];
        float[] shift = new float[channels];
        for (int c = 0; c < channels; c++) {
            scale[c] = 1 / normalization.std().get(c);
            shift[c] = normalization.mean().get(c);
        }
        int start = images.position();
        pool.run(
                samples,
                sample -> {
                    byte[] pixels = new byte[shape.elements()]; // [C, H, W]
                    float[] values = new float[shape.elements()]; // [H, W, C]
                    images.get(start + sample * pixels.length, pixels);
                    for (int c = 0; c < channels; c++) {
                        for (int p = 0; p < positions; p++) {
                            int pixel = pixels[c * positions + p] & 0xff;
                            values[p * channels + c] = (pixel - shift[c]) * scale[c];
                        }
                    }
                    input.floats().put(sample * values.length, values);
                });
    }

    /**
     * Gives back the memory that passes hold: hundreds of megabytes after training. The next pass
     * of each kind makes its own, which costs about a step's time. Outputs and gradients of the
     * last pass are gone.
     */
    public void releasePasses() {
        new ArrayList<>(passes.values()).forEach(Pass::close);
        passes.clear();
        current = null;
    }

    @Override
    public void close() {
        releasePasses();
        parameters.close();
        pool.close();
    }
}
