package io.abmesh.nn.training;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.abmesh.nn.checkpoint.StoredTensor;
import io.abmesh.nn.engine.Engine;
import io.abmesh.nn.engine.Normalization;
import io.abmesh.nn.loss.BoundaryLoss;
import io.abmesh.nn.loss.LogitLosses;
import io.abmesh.nn.loss.LossTerm;
import io.abmesh.nn.network.FeatureShape;
import io.abmesh.nn.network.NetworkSpec;
import io.abmesh.nn.network.Node;
import io.abmesh.nn.network.ParameterSpec;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
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
 * <p>A step is {@link #compute} per micro-batch, wherever that is, then {@link #apply} on every
 * copy of the student with the gradient that {@link ReductionTree} sums up; on one copy, {@link
 * #accumulate} per micro-batch, then {@link #applyUpdate}, is the same. In a phase with only a
 * boundary loss the classifier head is neither computed nor changed; connectors take part only in
 * phases with a boundary loss. Batch norm statistics belong to a micro-batch and are folded into
 * the running ones in the order of the micro-batches. The same calls give the same bits, on one
 * machine with one thread count.
 *
 * <p>Owns native memory until closed. One thread at a time.
 *
 * @see <a href="https://arxiv.org/abs/1811.03233">Heo et al., AAAI 2019</a>
 */
public final class StudentTrainer implements AutoCloseable {
    private static final String CONNECTOR = "connector.";
    private static final String VELOCITY = "momentum.";

    /** Samples of one inference pass at most: {@value}. */
    private static final int INFERENCE_SAMPLES = 128;

    private final StudentSetup setup;
    private final Normalization normalization;
    private final List<String> responses;
    private final Engine engine;
    private @Nullable PhaseSetup phase;
    private final GradientSum sum;
    private final List<float[]> statistics = new ArrayList<>();

    /**
     * Makes a student with its initial weights.
     *
     * @throws TapShapeException if a pair cannot be compared
     */
    public StudentTrainer(StudentSetup setup) {
        this.setup = setup;
        this.normalization = new Normalization(setup.mean(), setup.std());
        this.responses = new ArrayList<>();
        this.engine = new Engine(withConnectors(setup, responses), setup.threads());
        this.sum = new GradientSum(engine.gradientLength());
        reset();
    }

    /** Adds the connectors' nodes and tells, per pair, which node the loss reads. */
    private static NetworkSpec withConnectors(StudentSetup setup, List<String> responses) {
        List<Node> nodes = new ArrayList<>();
        for (int i = 0; i < setup.pairs().size(); i++) {
            TapPair pair = setup.pairs().get(i);
            if (!setup.connector().convolves(pair, setup.network().shape(pair.studentTap()))) {
                responses.add(pair.studentTap());
                continue;
            }
            String path = CONNECTOR + (i + 1);
            int channels = pair.teacherShape().channels();
            nodes.add(new Node.Convolution(path + ".0", pair.studentTap(), channels, 1, 1, 0, 1));
            nodes.add(new Node.BatchNorm(path + ".1", path + ".0"));
            responses.add(path + ".1");
        }
        return setup.network().with(nodes);
    }

    /** Goes back to the initial weights and fresh statistics. */
    public void reset() {
        InitialWeights initial = new InitialWeights(setup.seed());
        for (ParameterSpec parameter : engine.parameters()) {
            engine.set(parameter.name(), initial.of(parameter));
        }
        engine.clearVelocities();
        phase = null;
        statistics.clear();
    }

    /** Begins a phase with a fresh optimiser. */
    public void beginPhase(PhaseSetup next) {
        if (next.boundary() && setup.pairs().isEmpty()) {
            throw new IllegalArgumentException("a boundary loss needs taps");
        }
        phase = next;
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
     * Computes loss, gradient and batch norm statistics of a micro-batch; changes nothing of the
     * student.
     *
     * @param share of the micro-batch's samples in those of the step
     * @param gradient written: {@code share} times the gradient, {@code [gradientLength]}
     * @param statistics written, {@code [statisticsLength]}
     * @throws NonFiniteLossException if the loss is infinite or not a number
     */
    public MicroOutcome compute(
            MicroBatch batch, double share, float[] gradient, float[] statistics) {
        PhaseSetup now = phase();
        engine.forward(batch.images(), batch.size(), normalization, outputs(now), true);
        double[] terms = new double[now.losses().size()];
        List<Double> agreement = now.boundary() ? seedTaps(now, batch, terms) : List.of();
        if (now.logits()) {
            seedLogits(now, batch, terms);
        }
        for (int i = 0; i < terms.length; i++) {
            if (!Double.isFinite(terms[i])) {
                throw new NonFiniteLossException(
                        "loss is not finite: term=" + now.losses().get(i) + ", found=" + terms[i]);
            }
        }
        engine.backward();
        engine.gradient((float) share, gradient);
        engine.batchStatistics(statistics);
        return new MicroOutcome(
                Arrays.stream(terms).sum(), Arrays.stream(terms).boxed().toList(), agreement);
    }

    /**
     * Ends a step: folds the statistics of its micro-batches and updates the parameters.
     *
     * @param gradient of the step, {@code [gradientLength]}; borrowed
     * @param statistics of its micro-batches, in their order; borrowed
     */
    public void apply(double learningRate, float[] gradient, List<float[]> statistics) {
        PhaseSetup now = phase();
        Set<String> outputs = outputs(now);
        for (float[] batch : statistics) {
            engine.fold(outputs, batch);
        }
        engine.update(
                outputs,
                gradient,
                (float) learningRate,
                (float) now.optimizer().momentum(),
                (float) now.optimizer().weightDecay());
    }

    private Set<String> outputs(PhaseSetup now) {
        Set<String> outputs = new LinkedHashSet<>();
        if (now.boundary()) {
            outputs.addAll(responses);
        }
        if (now.logits()) {
            outputs.add(setup.network().logits());
        }
        return outputs;
    }

    /**
     * Computes a micro-batch, of equal size as the step's others, and keeps what {@link
     * #applyUpdate} needs.
     *
     * @param microBatches micro-batches of the step
     * @throws NonFiniteLossException if the loss is infinite or not a number
     */
    public MicroOutcome accumulate(MicroBatch batch, int microBatches) {
        if (statistics.isEmpty()) {
            sum.begin(new ReductionTree(microBatches), 0);
        }
        float[] gradient = sum.next();
        float[] found = new float[statisticsLength()];
        MicroOutcome outcome = compute(batch, 1.0 / microBatches, gradient, found);
        sum.add(gradient);
        statistics.add(found);
        return outcome;
    }

    private List<Double> seedTaps(PhaseSetup now, MicroBatch batch, double[] terms) {
        List<Double> agreement = new ArrayList<>();
        for (int tap = 0; tap < responses.size(); tap++) {
            TapPair pair = setup.pairs().get(tap);
            ByteBuffer bits = bits(batch, pair);
            FeatureShape shape = pair.teacherShape();
            BoundaryLoss.Sample total = new BoundaryLoss.Sample(0, 0, 0);
            int seeded = 0;
            for (int i = 0; i < terms.length; i++) {
                if (!(now.losses().get(i) instanceof LossTerm.Boundary loss)) {
                    continue;
                }
                double factor = loss.weight() * factor(loss, tap, batch.size(), shape);
                total =
                        seedTap(
                                tap,
                                bits,
                                batch.size(),
                                (float) loss.margin(),
                                (float) factor,
                                seeded++ > 0);
                terms[i] += factor * total.loss();
            }
            agreement.add((double) total.agreeing() / total.neurons());
        }
        return agreement;
    }

    private BoundaryLoss.Sample seedTap(
            int tap, ByteBuffer bits, int samples, float margin, float factor, boolean again) {
        if (again) {
            throw new IllegalArgumentException("a phase has one boundary loss at most");
        }
        BoundaryLoss.Sample[] parts = new BoundaryLoss.Sample[samples];
        int channels = setup.pairs().get(tap).teacherShape().channels();
        engine.seed(
                responses.get(tap),
                (sample, response, gradient) ->
                        parts[sample] =
                                BoundaryLoss.sample(
                                        response, bits, sample, channels, margin, factor,
                                        gradient));
        BoundaryLoss.Sample total = new BoundaryLoss.Sample(0, 0, 0);
        for (BoundaryLoss.Sample part : parts) {
            total = total.plus(part);
        }
        return total;
    }

    private double factor(LossTerm.Boundary loss, int tap, int samples, FeatureShape shape) {
        FeatureShape image = setup.network().inputShape();
        return loss.reduction()
                .factor(
                        tap,
                        responses.size(),
                        samples,
                        shape.elements(),
                        Math.max(image.rows(), image.columns()),
                        loss.scale());
    }

    private static ByteBuffer bits(MicroBatch batch, TapPair pair) {
        ByteBuffer bits = batch.boundaries().get(pair.teacherTap());
        if (bits == null) {
            throw new IllegalArgumentException(
                    "micro-batch lacks a boundary: found="
                            + batch.boundaries().keySet()
                            + ", expected="
                            + pair.teacherTap());
        }
        long expected = ((long) batch.size() * pair.teacherShape().elements() + 7) / 8;
        if (bits.remaining() != expected) {
            throw new IllegalArgumentException(
                    "boundary bits have a wrong size: tap="
                            + pair.teacherTap()
                            + ", found="
                            + bits.remaining()
                            + " bytes, expected="
                            + expected);
        }
        return bits;
    }

    private void seedLogits(PhaseSetup now, MicroBatch batch, double[] terms) {
        int classes = setup.network().classCount();
        IntBuffer labels = ints(batch.labels());
        FloatBuffer teacher = floats(batch.logits());
        double[][] values = new double[batch.size()][terms.length];
        engine.seed(
                setup.network().logits(),
                (sample, logits, gradient) -> {
                    for (int i = 0; i < terms.length; i++) {
                        LossTerm term = now.losses().get(i);
                        double factor = term.weight() / batch.size();
                        if (term instanceof LossTerm.Distillation distillation) {
                            float[] target = new float[classes];
                            required(teacher, "logits").get(sample * classes, target);
                            values[sample][i] =
                                    factor
                                            * LogitLosses.distillation(
                                                    logits, target, distillation, factor, gradient);
                        } else if (term instanceof LossTerm.CrossEntropy) {
                            int label = required(labels, "labels").get(sample);
                            values[sample][i] =
                                    factor
                                            * LogitLosses.crossEntropy(
                                                    logits, label, factor, gradient);
                        }
                    }
                });
        for (double[] sample : values) {
            for (int i = 0; i < terms.length; i++) {
                terms[i] += sample[i];
            }
        }
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
            if (!parameter.name().startsWith(CONNECTOR)) {
                tensors.put(parameter.name(), stored(parameter, engine.get(parameter.name())));
            }
        }
        return tensors;
    }

    /** Returns the SHA-256 over names, shapes and bytes of {@link #student}, lower-case hex. */
    public String parametersSha256() {
        MessageDigest digest;
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
        student()
                .forEach(
                        (name, tensor) -> {
                            digest.update((name + tensor.shape() + "\n").getBytes(UTF_8));
                            digest.update(tensor.bytes());
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

    private PhaseSetup phase() {
        if (phase == null) {
            throw new IllegalStateException("no phase has begun");
        }
        return phase;
    }

    private static StoredTensor stored(ParameterSpec parameter, float[] values) {
        return StoredTensor.of(parameter.shape(), values);
    }

    private static <T> T required(@Nullable T buffer, String what) {
        if (buffer == null) {
            throw new IllegalArgumentException("micro-batch lacks " + what);
        }
        return buffer;
    }

    private static @Nullable IntBuffer ints(@Nullable ByteBuffer bytes) {
        return bytes == null
                ? null
                : bytes.duplicate().order(ByteOrder.LITTLE_ENDIAN).asIntBuffer();
    }

    private static @Nullable FloatBuffer floats(@Nullable ByteBuffer bytes) {
        return bytes == null
                ? null
                : bytes.duplicate().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
    }
}
