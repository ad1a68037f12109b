package io.abmesh.nn.training;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.abmesh.nn.checkpoint.StoredTensor;
import io.abmesh.nn.engine.Engine;
import io.abmesh.nn.network.ParameterSpec;
import io.abmesh.nn.teacher.PixelNormalization;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Trains one student through connectors.
 *
 * <p>A step is {@link #forward} and {@link #backward} per micro-batch, wherever that is, then
 * {@link #apply} on every copy of the student with the gradient that {@link ReductionTree} sums up;
 * on one copy, {@link #accumulate} per micro-batch, then {@link #applyUpdate}, is the same. A phase
 * whose losses do not read the logits neither computes nor changes the classifier head; a connector
 * takes part only in phases with a loss that reads it. Batch norm statistics belong to a
 * micro-batch and are folded into the running ones in the order of the micro-batches. The same
 * calls give the same bits, on one machine with one thread count.
 *
 * <p>Owns native memory until closed. One thread at a time.
 *
 * @see <a href="https://arxiv.org/abs/1811.03233">Heo et al., AAAI 2019</a>
 */
public final class StudentTrainer implements AutoCloseable {
    private static final String VELOCITY = "momentum.";

    /** Samples of one inference pass at most: {@value}. */
    private static final int INFERENCE_SAMPLES = 128;

    private final StudentSetup setup;
    private final PixelNormalization normalization;
    private final StudentOutputs outputs;
    private final Engine engine;
    private @Nullable OptimizerSetup optimizer;
    private @Nullable PhaseLoss loss;
    private final GradientSum sum;
    private final List<float[]> statistics = new ArrayList<>();

    /**
     * Makes a student with its initial weights.
     *
     * @throws TapShapeException if a pair cannot be compared
     */
    public StudentTrainer(StudentSetup setup) {
        this.setup = setup;
        this.normalization = new PixelNormalization(setup.mean(), setup.std());
        this.outputs = StudentOutputs.of(setup);
        this.engine = new Engine(outputs.network(), setup.threads());
        this.sum = new GradientSum(engine.gradientLength());
        reset();
    }

    /** Goes back to the initial weights and fresh statistics. */
    public void reset() {
        InitialWeights initial = new InitialWeights(setup.seed());
        for (ParameterSpec parameter : engine.parameters()) {
            engine.set(parameter.name(), initial.of(parameter));
        }
        engine.clearVelocities();
        optimizer = null;
        loss = null;
        statistics.clear();
    }

    /**
     * Begins a phase with a fresh optimiser.
     *
     * @throws IllegalArgumentException if a loss reads an output that the setup does not have
     */
    public void beginPhase(PhaseSetup next) {
        loss = new PhaseLoss(next.losses(), setup, outputs);
        optimizer = next.optimizer();
        statistics.clear();
        engine.clearVelocities();
        engine.releasePasses();
    }

    /** Gives back memory that only training needs; training may go on all the same. */
    public void releasePasses() {
        engine.releasePasses();
    }

    /** Returns the number of trained elements, connectors among them. */
    public int gradientLength() {
        return engine.gradientLength();
    }

    /** Returns the number of running statistics. */
    public int statisticsLength() {
        return engine.statisticsLength();
    }

    /**
     * Computes the loss of a micro-batch; changes nothing of the student.
     *
     * @throws NonFiniteLossException if the loss is infinite or not a number
     */
    public MicroOutcome forward(MicroBatch batch) {
        PhaseLoss now = begun(loss);
        engine.forward(batch.images(), batch.size(), normalization, now.outputs(), true);
        return now.seed(engine, batch);
    }

    /**
     * Computes gradient and batch norm statistics of the micro-batch that {@link #forward} had
     * last; changes nothing of the student.
     *
     * @param share of the micro-batch's samples in those of the step
     * @param gradient written: {@code share} times the gradient, {@code [gradientLength]}
     * @param statistics written, {@code [statisticsLength]}
     * @throws NonFiniteLossException if a batch norm met a value that is infinite or not a number;
     *     a ReLU behind it may have hidden that from the loss
     */
    public void backward(double share, float[] gradient, float[] statistics) {
        engine.backward();
        engine.gradient((float) share, gradient);
        engine.batchStatistics(statistics);
        requireFinite(statistics);
    }

    /** The variance of one value alone is not a number; then the mean tells. */
    private void requireFinite(float[] statistics) {
        int at = 0;
        for (ParameterSpec parameter : engine.parameters()) {
            if (parameter.kind().trained()) {
                continue;
            }
            boolean mean = parameter.kind() == ParameterSpec.Kind.RUNNING_MEAN;
            for (int end = at + parameter.elements(); at < end; at++) {
                float found = statistics[at];
                if (Float.isInfinite(found) || (mean && Float.isNaN(found))) {
                    throw new NonFiniteLossException(
                            "batch statistics are not finite: array="
                                    + parameter.name()
                                    + ", found="
                                    + found);
                }
            }
        }
    }

    /**
     * Ends a step: folds the statistics of its micro-batches and updates the parameters.
     *
     * @param gradient of the step, {@code [gradientLength]}; borrowed
     * @param statistics of its micro-batches, in their order; borrowed
     */
    public void apply(double learningRate, float[] gradient, List<float[]> statistics) {
        OptimizerSetup with = begun(optimizer);
        Set<String> read = begun(loss).outputs();
        for (float[] batch : statistics) {
            engine.fold(read, batch);
        }
        engine.update(
                read,
                gradient,
                (float) learningRate,
                (float) with.momentum(),
                (float) with.weightDecay());
    }

    /**
     * Computes a micro-batch, of equal size as the step's others, and keeps what {@link
     * #applyUpdate} needs.
     *
     * @param microBatches micro-batches of the step
     * @throws NonFiniteLossException as {@link #forward} and {@link #backward} do
     */
    public MicroOutcome accumulate(MicroBatch batch, int microBatches) {
        if (statistics.isEmpty()) {
            sum.begin(new ReductionTree(microBatches), 0);
        }
        float[] gradient = sum.next();
        float[] found = new float[statisticsLength()];
        MicroOutcome outcome = forward(batch);
        backward(1.0 / microBatches, gradient, found);
        sum.add(gradient);
        statistics.add(found);
        return outcome;
    }

    /**
     * Applies the micro-batches that were accumulated, which are those of one step.
     *
     * @throws IllegalStateException if there is none
     */
    public void applyUpdate(double learningRate) {
        if (statistics.isEmpty()) {
            throw new IllegalStateException("an update needs a gradient");
        }
        apply(
                learningRate,
                new ReductionTree(statistics.size()).total(sum.sums()::get),
                statistics);
        statistics.clear();
    }

    /**
     * Classifies images with the running statistics; changes nothing.
     *
     * @param images {@code uint8 [count, C, H, W]}; borrowed
     * @return {@code [count, classes]}, row-major
     */
    public float[] logits(ByteBuffer images, int count) {
        if (!statistics.isEmpty()) {
            throw new IllegalStateException("inference between a micro-batch and its update");
        }
        int classes = setup.network().classCount();
        int bytes = setup.network().inputShape().elements();
        float[] all = new float[count * classes];
        for (int from = 0; from < count; from += INFERENCE_SAMPLES) {
            int size = Math.min(INFERENCE_SAMPLES, count - from);
            ByteBuffer part = images.slice(images.position() + from * bytes, size * bytes);
            engine.forward(part, size, normalization, Set.of(setup.network().logits()), false);
            float[] logits = engine.output(setup.network().logits());
            System.arraycopy(logits, 0, all, from * classes, logits.length);
        }
        return all;
    }

    /**
     * Returns copies of the student's parameters and running statistics, without connectors, in the
     * order of the network.
     */
    public Map<String, StoredTensor> student() {
        Map<String, StoredTensor> tensors = new LinkedHashMap<>();
        for (ParameterSpec parameter : engine.parameters()) {
            if (!parameter.name().startsWith(StudentOutputs.CONNECTOR)) {
                tensors.put(parameter.name(), stored(parameter, engine.get(parameter.name())));
            }
        }
        return tensors;
    }

    /** Returns the SHA-256 over names, shapes and bytes of {@link #student}, lower-case hex. */
    public String parametersSha256() {
        return parametersSha256(student());
    }

    /**
     * Returns {@link #parametersSha256()} of the trainer that a state was copied from.
     *
     * @param state as {@link #state} returned it, in its order
     */
    public static String parametersSha256(Map<String, StoredTensor> state) {
        MessageDigest digest;
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
        state.forEach(
                (name, tensor) -> {
                    if (!name.startsWith(VELOCITY) && !name.startsWith(StudentOutputs.CONNECTOR)) {
                        digest.update((name + tensor.shape() + "\n").getBytes(UTF_8));
                        digest.update(tensor.bytes());
                    }
                });
        return HexFormat.of().formatHex(digest.digest());
    }

    /**
     * Returns copies of everything that training goes on from: student, connectors, and {@code
     * momentum.*}.
     */
    public Map<String, StoredTensor> state() {
        Map<String, StoredTensor> tensors = new LinkedHashMap<>();
        for (ParameterSpec parameter : engine.parameters()) {
            String name = parameter.name();
            tensors.put(name, stored(parameter, engine.get(name)));
            if (parameter.kind().trained()) {
                tensors.put(VELOCITY + name, stored(parameter, engine.velocity(name)));
            }
        }
        return tensors;
    }

    /**
     * Goes on from a state, bit for bit, after {@link #beginPhase} of the phase that it was taken
     * in.
     *
     * @throws IllegalArgumentException if names or shapes are not this student's; nothing is
     *     changed then
     */
    public void restore(Map<String, StoredTensor> state) {
        Map<String, StoredTensor> expected = state();
        if (!expected.keySet().equals(state.keySet())) {
            Set<String> missing = new LinkedHashSet<>(expected.keySet());
            missing.removeAll(state.keySet());
            Set<String> unknown = new LinkedHashSet<>(state.keySet());
            unknown.removeAll(expected.keySet());
            throw new IllegalArgumentException(
                    "state is of another student: missing=" + missing + ", unknown=" + unknown);
        }
        state.forEach(
                (name, tensor) -> {
                    StoredTensor own = expected.get(name);
                    if (own != null && !own.shape().equals(tensor.shape())) {
                        throw new IllegalArgumentException(
                                "state has another shape: name="
                                        + name
                                        + ", found="
                                        + tensor.shape()
                                        + ", expected="
                                        + own.shape());
                    }
                });
        state.forEach(
                (name, tensor) -> {
                    if (name.startsWith(VELOCITY)) {
                        engine.setVelocity(name.substring(VELOCITY.length()), tensor.floats());
                    } else {
                        engine.set(name, tensor.floats());
                    }
                });
        statistics.clear();
    }

    /** Returns the number of trained elements of the student, connectors not counted. */
    public long parameterCount() {
        return setup.network().trainedElements();
    }

    @Override
    public void close() {
        engine.close();
    }

    private static <T> T begun(@Nullable T ofPhase) {
        if (ofPhase == null) {
            throw new IllegalStateException("no phase has begun");
        }
        return ofPhase;
    }

    private static StoredTensor stored(ParameterSpec parameter, float[] values) {
        return StoredTensor.of(parameter.shape(), values);
    }
}
