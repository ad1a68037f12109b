package io.abmesh.nn.training;

import io.abmesh.nn.engine.Engine;
import io.abmesh.nn.loss.AttentionLoss;
import io.abmesh.nn.loss.BoundaryLoss;
import io.abmesh.nn.loss.DistanceLoss;
import io.abmesh.nn.loss.FlowLoss;
import io.abmesh.nn.loss.FlowLoss.FlowMap;
import io.abmesh.nn.loss.LogitLosses;
import io.abmesh.nn.loss.LossTerm;
import io.abmesh.nn.loss.OverhaulLoss;
import io.abmesh.nn.loss.Reduction;
import io.abmesh.nn.loss.RelationLoss;
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
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The weighted sum of a phase's losses: which outputs of the student it reads, its value, and its
 * gradient by each of them. Each term is a mean over the samples of the micro-batch. Holds nothing
 * of a micro-batch between calls.
 */
final class PhaseLoss {
    /** Adds the gradient of one sample, factors applied, and returns the loss without them. */
    private interface SampleLoss {
        double add(int sample, float[] value, float[] gradient);
    }

    /** What a term says of one output. */
    private static final class Part {
        private final int term;
        private final double factor;
        private final SampleLoss loss;
        private final double[] values;

        Part(int term, double factor, int samples, SampleLoss loss) {
            this.term = term;
            this.factor = factor;
            this.loss = loss;
            this.values = new double[samples];
        }

        double total() {
            return factor * Arrays.stream(values).sequential().reduce(0, Double::sum);
        }
    }

    private final List<LossTerm> terms;
    private final StudentSetup setup;
    private final StudentOutputs outputs;

    PhaseLoss(PhaseSetup phase, StudentSetup setup, StudentOutputs outputs) {
        this.terms = phase.losses();
        this.setup = setup;
        this.outputs = outputs;
    }

    /** Returns the outputs that the loss reads, those of earlier taps first. */
    Set<String> outputs() {
        Set<String> read = new LinkedHashSet<>();
        for (int tap = 0; tap < setup.pairs().size(); tap++) {
            for (LossTerm term : terms) {
                if (term instanceof LossTerm.AtTaps atTaps && taps(atTaps).contains(tap)) {
                    read.add(output(atTaps, tap));
                }
            }
        }
        for (LossTerm term : terms) {
            if (term instanceof LossTerm.OfLogits) {
                read.add(setup.network().logits());
            } else if (term instanceof LossTerm.CenteredLogits) {
                read.add(outputs.mappedLogits());
            }
        }
        return read;
    }

    private String output(LossTerm.AtTaps term, int tap) {
        return term instanceof LossTerm.Attention
                ? setup.pairs().get(tap).studentTap()
                : outputs.responses().get(tap);
    }

    private List<Integer> taps(LossTerm.AtTaps term) {
        return term.taps().isEmpty()
                ? IntStream.range(0, setup.pairs().size()).boxed().toList()
                : term.taps();
    }

    /** Returns whether every tap is compared neuron by neuron. */
    private boolean agrees() {
        Set<Integer> compared = new LinkedHashSet<>();
        for (LossTerm term : terms) {
            if (term instanceof LossTerm.AtTaps atTaps
                    && !(term instanceof LossTerm.Attention)
                    && !(term instanceof LossTerm.Flow)) {
                compared.addAll(taps(atTaps));
            }
        }
        return !compared.isEmpty() && compared.size() == setup.pairs().size();
    }

    /**
     * Computes the loss of the forward pass done last and fills in its gradient by every output.
     *
     * @throws NonFiniteLossException if a term is infinite or not a number
     */
    MicroOutcome seed(Engine engine, MicroBatch batch) {
        return new Seeding(engine, batch).seed();
    }

    /** The loss of one micro-batch. */
    private final class Seeding {
        private final Engine engine;
        private final MicroBatch batch;
        private final int samples;
        private final Map<String, List<Part>> parts = new LinkedHashMap<>();
        private final long[][] agreeing;

        Seeding(Engine engine, MicroBatch batch) {
            this.engine = engine;
            this.batch = batch;
            this.samples = batch.size();
            this.agreeing = new long[agrees() ? setup.pairs().size() : 0][samples];
            outputs().forEach(output -> parts.put(output, new ArrayList<>()));
        }

        MicroOutcome seed() {
            for (int i = 0; i < terms.size(); i++) {
                LossTerm term = terms.get(i);
                if (term instanceof LossTerm.Flow flow) {
                    flow(i, flow);
                } else if (term instanceof LossTerm.AtTaps atTaps) {
                    for (int tap : taps(atTaps)) {
                        atTap(i, atTaps, tap);
                    }
                } else if (term instanceof LossTerm.CenteredLogits centered) {
                    centered(i, centered);
                } else {
                    logits(i, term);
                }
            }
            countAgreeing();
            parts.forEach(this::seed);
            return outcome();
        }

        private void seed(String output, List<Part> ofOutput) {
            engine.seed(
                    output,
                    (sample, value, gradient) -> {
                        for (Part part : ofOutput) {
                            part.values[sample] = part.loss.add(sample, value, gradient);
                        }
                    });
        }

        private MicroOutcome outcome() {
            double[] values = new double[terms.size()];
            parts.values().stream()
                    .flatMap(List::stream)
                    .filter(part -> part.term >= 0)
                    .forEach(part -> values[part.term] += part.total());
            for (int i = 0; i < values.length; i++) {
                if (!Double.isFinite(values[i])) {
                    throw new NonFiniteLossException(
                            "loss is not finite: term=" + terms.get(i) + ", found=" + values[i]);
                }
            }
            List<Double> agreement = new ArrayList<>();
            for (int tap = 0; tap < agreeing.length; tap++) {
                double neurons = (double) samples * shape(tap).elements();
                agreement.add(Arrays.stream(agreeing[tap]).sum() / neurons);
            }
            return new MicroOutcome(
                    Arrays.stream(values).sum(), Arrays.stream(values).boxed().toList(), agreement);
        }

        private void part(String output, int term, double factor, SampleLoss loss) {
            Part part = new Part(term, factor, samples, loss);
            List<Part> ofOutput = parts.get(output);
            if (ofOutput == null) {
                throw new IllegalStateException("no such output: " + output);
            }
            ofOutput.add(part);
        }

        private void atTap(int number, LossTerm.AtTaps term, int tap) {
            FeatureShape shape = shape(tap);
            TeacherResponses teacher = teacher(tap);
            String output = output(term, tap);
            if (term instanceof LossTerm.Boundary boundary) {
                boundary(number, boundary, tap);
            } else if (term instanceof LossTerm.Distance distance) {
                double factor = distance.weight() * mean(distance.scale(), tap);
                part(
                        output,
                        number,
                        factor,
                        (sample, value, gradient) ->
                                DistanceLoss.sample(
                                        value,
                                        values(teacher, sample, shape),
                                        distance,
                                        (float) factor,
                                        gradient));
            } else if (term instanceof LossTerm.Overhaul overhaul) {
                double factor = overhaul.weight() * mean(overhaul.scale(), tap);
                float[] margins =
                        OverhaulLoss.margins(teacher, samples, shape.channels(), shape.positions());
                part(
                        output,
                        number,
                        factor,
                        (sample, value, gradient) ->
                                OverhaulLoss.sample(
                                        value,
                                        values(teacher, sample, shape),
                                        margins,
                                        (float) factor,
                                        gradient));
            } else if (term instanceof LossTerm.Attention attention) {
                double factor = attention.weight() * attention.scale() / samples;
                part(
                        output,
                        number,
                        factor,
                        (sample, value, gradient) ->
                                AttentionLoss.sample(
                                        value,
                                        values(teacher, sample, shape),
                                        shape.positions(),
                                        attention.rectified(),
                                        factor,
                                        gradient));
            }
        }

        private void boundary(int number, LossTerm.Boundary term, int tap) {
            FeatureShape shape = shape(tap);
            FeatureShape image = setup.network().inputShape();
            TeacherResponses teacher = teacher(tap);
            double factor =
                    term.weight()
                            * term.reduction()
                                    .factor(
                                            tap,
                                            setup.pairs().size(),
                                            samples,
                                            shape.elements(),
                                            Math.max(image.rows(), image.columns()),
                                            term.scale());
            part(
                    output(term, tap),
                    number,
                    factor,
                    (sample, value, gradient) -> {
                        BoundaryLoss.Sample found =
                                BoundaryLoss.sample(
                                        value,
                                        teacher,
                                        sample,
                                        shape.channels(),
                                        (float) term.margin(),
                                        (float) factor,
                                        gradient);
                        if (agreeing.length > 0) {
                            agreeing[tap][sample] = found.agreeing();
                        }
                        return found.loss();
                    });
        }

        /** Counts what no boundary loss counts anyway. */
        private void countAgreeing() {
            Set<Integer> counted = new LinkedHashSet<>();
            for (LossTerm term : terms) {
                if (term instanceof LossTerm.Boundary boundary) {
                    counted.addAll(taps(boundary));
                }
            }
            for (int i = 0; i < agreeing.length; i++) {
                int tap = i;
                if (!counted.contains(tap)) {
                    TeacherResponses teacher = teacher(tap);
                    part(
                            outputs.responses().get(tap),
                            NO_TERM,
                            0,
                            (sample, value, gradient) -> {
                                agreeing[tap][sample] =
                                        BoundaryLoss.agreeing(
                                                value, teacher, sample, shape(tap).channels());
                                return 0;
                            });
                }
            }
        }

        private void flow(int number, LossTerm.Flow term) {
            List<Integer> taps = taps(term);
            double factor = term.weight() * term.scale() / samples;
            for (int i = 0; i + 1 < taps.size(); i++) {
                int from = taps.get(i);
                int to = taps.get(i + 1);
                FeatureShape toShape = shape(to);
                TeacherResponses teacherFrom = teacher(from);
                TeacherResponses teacherTo = teacher(to);
                float[] values = engine.output(output(term, to));
                float[][] gradients = new float[samples][];
                // outputs are filled in their order, so that the earlier tap's comes first
                part(
                        output(term, from),
                        number,
                        factor,
                        (sample, value, gradient) -> {
                            int size = toShape.elements();
                            float[] second =
                                    Arrays.copyOfRange(values, sample * size, (sample + 1) * size);
                            gradients[sample] = new float[size];
                            return FlowLoss.sample(
                                    map(value, shape(from)),
                                    map(second, toShape),
                                    map(values(teacherFrom, sample, shape(from)), shape(from)),
                                    map(values(teacherTo, sample, toShape), toShape),
                                    term.rectified(),
                                    factor,
                                    gradient,
                                    gradients[sample]);
                        });
                part(
                        output(term, to),
                        NO_TERM,
                        0,
                        (sample, value, gradient) -> {
                            add(gradients[sample], 0, gradient);
                            return 0;
                        });
            }
        }

        private void logits(int number, LossTerm term) {
            int classes = setup.network().classCount();
            IntBuffer labels = ints(batch.labels());
            double factor = term.weight() / samples;
            String output = setup.network().logits();
            if (term instanceof LossTerm.Relations relations) {
                float[] student = engine.output(output);
                float[] gradients = new float[student.length];
                double loss =
                        RelationLoss.batch(
                                student,
                                teacherLogits(samples * classes, 0),
                                samples,
                                relations,
                                relations.weight(),
                                gradients);
                part(
                        output,
                        number,
                        factor,
                        (sample, value, gradient) -> {
                            add(gradients, sample * classes, gradient);
                            return loss;
                        });
            } else if (term instanceof LossTerm.Distillation distillation) {
                part(
                        output,
                        number,
                        factor,
                        (sample, value, gradient) ->
                                LogitLosses.distillation(
                                        value,
                                        teacherLogits(classes, sample),
                                        distillation,
                                        factor,
                                        gradient));
            } else if (term instanceof LossTerm.Decoupled decoupled) {
                part(
                        output,
                        number,
                        factor,
                        (sample, value, gradient) ->
                                LogitLosses.decoupled(
                                        value,
                                        teacherLogits(classes, sample),
                                        required(labels, "labels").get(sample),
                                        decoupled,
                                        factor,
                                        gradient));
            } else if (term instanceof LossTerm.CrossEntropy crossEntropy) {
                part(
                        output,
                        number,
                        factor,
                        (sample, value, gradient) ->
                                LogitLosses.crossEntropy(
                                        value,
                                        required(labels, "labels").get(sample),
                                        crossEntropy.smoothing(),
                                        factor,
                                        gradient));
            }
        }

        private void centered(int number, LossTerm.CenteredLogits term) {
            int classes = outputs.mappedClasses();
            double factor = term.weight() * term.scale() / samples;
            part(
                    outputs.mappedLogits(),
                    number,
                    factor,
                    (sample, value, gradient) ->
                            LogitLosses.centered(
                                    value, teacherLogits(classes, sample), factor, gradient));
        }

        private float[] teacherLogits(int count, int sample) {
            FloatBuffer all = floats(batch.logits());
            float[] logits = new float[count];
            required(all, "logits").get(sample * count, logits);
            return logits;
        }

        private TeacherResponses teacher(int tap) {
            TapPair pair = setup.pairs().get(tap);
            TeacherResponses teacher = batch.taps().get(pair.teacherTap());
            if (teacher == null) {
                throw new IllegalArgumentException(
                        "micro-batch lacks a tap: found="
                                + batch.taps().keySet()
                                + ", expected="
                                + pair.teacherTap());
            }
            teacher.requireNeurons(pair.teacherTap(), (long) samples * shape(tap).elements());
            return teacher;
        }

        /** Factor of one neuron in {@code scale} times a mean over neurons and samples. */
        private double mean(double scale, int tap) {
            return Reduction.MEAN.factor(
                    tap, setup.pairs().size(), samples, shape(tap).elements(), 0, scale);
        }

        private FeatureShape shape(int tap) {
            return setup.pairs().get(tap).teacherShape();
        }
    }

    /** A part that adds a gradient or counts, and is no term's value. */
    private static final int NO_TERM = -1;

    private static float[] values(TeacherResponses teacher, int sample, FeatureShape shape) {
        return teacher.values(sample, shape.channels(), shape.positions());
    }

    private static FlowMap map(float[] values, FeatureShape shape) {
        return new FlowMap(values, shape.rows(), shape.columns());
    }

    private static void add(float[] from, int offset, float[] gradient) {
        for (int i = 0; i < gradient.length; i++) {
            gradient[i] += from[offset + i];
        }
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
