package io.abmesh.nn.training;

import static java.util.Comparator.comparing;

import io.abmesh.nn.engine.Engine;
import io.abmesh.nn.loss.BoundaryLoss;
import io.abmesh.nn.loss.LossBatch;
import io.abmesh.nn.loss.LossPart;
import io.abmesh.nn.loss.LossTerm;
import io.abmesh.nn.loss.StudentOutput;
import io.abmesh.nn.loss.TeacherResponses;
import io.abmesh.nn.network.FeatureShape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The sum of a phase's losses: which outputs of the student it reads, its value, and its gradient
 * by each of them. Holds nothing of a micro-batch between calls.
 */
final class PhaseLoss {
    private final List<LossTerm> terms;
    private final StudentSetup setup;
    private final StudentOutputs outputs;
    private final Set<String> nodes;
    private final boolean agrees;

    /**
     * Makes the sum.
     *
     * @throws IllegalArgumentException if a term reads an output that there is not
     */
    PhaseLoss(List<LossTerm> terms, StudentSetup setup, StudentOutputs outputs) {
        this.terms = terms;
        this.setup = setup;
        this.outputs = outputs;
        this.nodes = nodes();
        this.agrees = agrees();
    }

    /** Returns the nodes that the loss reads, those of earlier taps first. */
    Set<String> outputs() {
        return nodes;
    }

    private Set<String> nodes() {
        Set<String> names = new LinkedHashSet<>();
        terms.stream()
                .flatMap(term -> term.reads(setup.pairs().size()).stream())
                .sorted(
                        comparing((StudentOutput output) -> !output.atTap())
                                .thenComparing(StudentOutput::tap))
                .forEach(output -> names.add(node(output)));
        return names;
    }

    /** Returns whether every tap is compared neuron by neuron. */
    private boolean agrees() {
        int taps = setup.pairs().size();
        return taps > 0
                && terms.stream()
                                .filter(LossTerm::comparesNeurons)
                                .flatMap(term -> term.reads(taps).stream())
                                .map(StudentOutput::tap)
                                .distinct()
                                .count()
                        == taps;
    }

    private String node(StudentOutput output) {
        return switch (output.kind()) {
            case RESPONSE -> outputs.responses().get(output.tap());
            case TAP -> setup.pairs().get(output.tap()).studentTap();
            case LOGITS -> setup.network().logits();
            case MAPPED_LOGITS -> outputs.mappedLogits();
        };
    }

    /**
     * Computes the loss of the forward pass done last and fills in its gradient by every output.
     *
     * @throws NonFiniteLossException if a term is infinite or not a number
     */
    MicroOutcome seed(Engine engine, MicroBatch batch) {
        Seeding seeding = new Seeding(engine, batch);
        List<List<Summand>> summands = new ArrayList<>();
        for (LossTerm term : terms) {
            summands.add(term.parts(seeding).stream().map(seeding::add).toList());
        }
        seeding.seed();
        return outcome(summands, seeding.agreement());
    }

    private MicroOutcome outcome(List<List<Summand>> summands, List<Double> agreement) {
        double[] values = new double[terms.size()];
        for (int i = 0; i < values.length; i++) {
            for (Summand summand : summands.get(i)) {
                values[i] += summand.value();
            }
            if (!Double.isFinite(values[i])) {
                throw new NonFiniteLossException(
                        "loss is not finite: term=" + terms.get(i) + ", found=" + values[i]);
            }
        }
        return new MicroOutcome(
                Arrays.stream(values).sum(), Arrays.stream(values).boxed().toList(), agreement);
    }

    /** A part of a term and what it says of each sample. */
    private static final class Summand {
        private final LossPart part;
        private final double[] values;

        Summand(LossPart part, int samples) {
            this.part = part;
            this.values = new double[samples];
        }

        void add(int sample, float[] value, float[] gradient) {
            values[sample] = part.loss().add(sample, value, gradient);
        }

        double value() {
            return part.factor() * Arrays.stream(values).sequential().reduce(0, Double::sum);
        }
    }

    /** The loss of one micro-batch. */
    private final class Seeding implements LossBatch {
        private static final long UNKNOWN = -1;

        private final Engine engine;
        private final MicroBatch batch;
        private final @Nullable IntBuffer labels;
        private final @Nullable FloatBuffer logits;
        private final Map<String, List<Summand>> byNode = new LinkedHashMap<>();
        private final long[][] agreeing;

        Seeding(Engine engine, MicroBatch batch) {
            this.engine = engine;
            this.batch = batch;
            this.labels = batch.labels() == null ? null : little(batch.labels()).asIntBuffer();
            this.logits = batch.logits() == null ? null : little(batch.logits()).asFloatBuffer();
            this.agreeing = new long[agrees ? taps() : 0][samples()];
            for (long[] ofTap : agreeing) {
                Arrays.fill(ofTap, UNKNOWN);
            }
            nodes.forEach(node -> byNode.put(node, new ArrayList<>()));
        }

        Summand add(LossPart part) {
            List<Summand> ofNode = byNode.get(node(part.output()));
            if (ofNode == null) {
                throw new IllegalStateException("a loss does not say it reads " + part.output());
            }
            Summand summand = new Summand(part, samples());
            ofNode.add(summand);
            return summand;
        }

        void seed() {
            for (int tap = 0; tap < agreeing.length; tap++) {
                add(counting(tap));
            }
            byNode.forEach(
                    (node, summands) ->
                            engine.seed(
                                    node,
                                    (sample, value, gradient) -> {
                                        for (Summand summand : summands) {
                                            summand.add(sample, value, gradient);
                                        }
                                    }));
        }

        /** Counts what no term has counted. */
        private LossPart counting(int tap) {
            FeatureShape shape = shape(tap);
            TeacherResponses teacher = teacher(tap);
            return new LossPart(
                    new StudentOutput(StudentOutput.Kind.RESPONSE, tap),
                    0,
                    (sample, value, gradient) -> {
                        if (agreeing[tap][sample] == UNKNOWN) {
                            agreeing(
                                    tap,
                                    sample,
                                    BoundaryLoss.agreeing(value, teacher, sample, shape));
                        }
                        return 0;
                    });
        }

        List<Double> agreement() {
            List<Double> agreement = new ArrayList<>();
            for (int tap = 0; tap < agreeing.length; tap++) {
                double neurons = (double) samples() * shape(tap).elements();
                agreement.add(Arrays.stream(agreeing[tap]).sum() / neurons);
            }
            return agreement;
        }

        @Override
        public int samples() {
            return batch.size();
        }

        @Override
        public int taps() {
            return setup.pairs().size();
        }

        @Override
        public int imageSide() {
            FeatureShape image = setup.network().inputShape();
            return Math.max(image.rows(), image.columns());
        }

        @Override
        public FeatureShape shape(int tap) {
            return setup.pairs().get(tap).teacherShape();
        }

        @Override
        public TeacherResponses teacher(int tap) {
            TapPair pair = setup.pairs().get(tap);
            TeacherResponses teacher = batch.taps().get(pair.teacherTap());
            if (teacher == null) {
                throw new IllegalArgumentException(
                        "micro-batch lacks a tap: found="
                                + batch.taps().keySet()
                                + ", expected="
                                + pair.teacherTap());
            }
            teacher.requireNeurons(pair.teacherTap(), (long) samples() * shape(tap).elements());
            return teacher;
        }

        @Override
        public float[] teacherLogits(int from, int count) {
            float[] some = new float[count];
            required(logits, "logits").get(from, some);
            return some;
        }

        @Override
        public int label(int sample) {
            return required(labels, "labels").get(sample);
        }

        @Override
        public float[] student(StudentOutput output) {
            return engine.output(node(output));
        }

        @Override
        public void agreeing(int tap, int sample, long neurons) {
            if (tap < agreeing.length) {
                agreeing[tap][sample] = neurons;
            }
        }
    }

    private static <T> T required(@Nullable T buffer, String what) {
        if (buffer == null) {
            throw new IllegalArgumentException("micro-batch lacks " + what);
        }
        return buffer;
    }

    private static ByteBuffer little(ByteBuffer bytes) {
        return bytes.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    }
}
