package io.abmesh.bench.loss;

import io.abmesh.nn.loss.AttentionLoss;
import io.abmesh.nn.loss.BoundaryLoss;
import io.abmesh.nn.loss.DistanceLoss;
import io.abmesh.nn.loss.LossBatch;
import io.abmesh.nn.loss.LossPart;
import io.abmesh.nn.loss.LossTerm;
import io.abmesh.nn.loss.OverhaulLoss;
import io.abmesh.nn.loss.Reduction;
import io.abmesh.nn.loss.StudentOutput;
import io.abmesh.nn.loss.TeacherResponses;
import io.abmesh.nn.network.FeatureShape;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;

/**
 * Computes value and gradient of losses at the taps of WRN-16-2 for 64 random responses, on one
 * thread, again and again. The signs of the responses are random.
 */
public final class LossTime {
    private static final int WARM_UP = 20;
    private static final int PASSES = 30;
    private static final int SAMPLES = 64;
    private static final int SIDE = 32;
    private static final List<FeatureShape> SHAPES =
            List.of(
                    new FeatureShape(32, SIDE, SIDE),
                    new FeatureShape(64, SIDE / 2, SIDE / 2),
                    new FeatureShape(128, SIDE / 4, SIDE / 4));

    private LossTime() {}

    /** Prints a line for each loss: its name and nanoseconds a neuron of the median pass. */
    public static void main(String[] arguments) {
        Batch bits = new Batch(TeacherResponses.Encoding.SIGN_BITS);
        Batch halves = new Batch(TeacherResponses.Encoding.FLOAT16);
        Map<String, LossTerm> losses = new LinkedHashMap<>();
        losses.put("boundary", new BoundaryLoss(1, 1, Reduction.MEAN, 50));
        losses.put("l1", new DistanceLoss(1, DistanceLoss.Norm.L1, true, 50, List.of()));
        losses.put("l2", new DistanceLoss(1, DistanceLoss.Norm.L2, true, 50, List.of()));
        losses.put("ofd", new OverhaulLoss(1, 16, List.of()));
        losses.put("attention", new AttentionLoss(1, true, 3000, List.of()));
        losses.forEach(
                (name, loss) ->
                        System.out.printf(
                                Locale.ROOT,
                                "%s %.2f%n",
                                name,
                                time(loss, name.equals("boundary") ? bits : halves)));
    }

    private static double time(LossTerm loss, Batch batch) {
        long neurons = SAMPLES * SHAPES.stream().mapToLong(FeatureShape::elements).sum();
        long[] nanos = new long[PASSES];
        for (int pass = -WARM_UP; pass < PASSES; pass++) {
            long start = System.nanoTime();
            for (LossPart part : loss.parts(batch)) {
                float[] value = batch.responses[part.output().tap()];
                float[] gradient = batch.gradients[part.output().tap()];
                for (int sample = 0; sample < SAMPLES; sample++) {
                    Arrays.fill(gradient, 0f);
                    double found = part.loss().add(sample, value, gradient);
                    if (!Double.isFinite(found)) {
                        throw new IllegalStateException("loss is not finite: " + loss);
                    }
                }
            }
            if (pass >= 0) {
                nanos[pass] = System.nanoTime() - start;
            }
        }
        Arrays.sort(nanos);
        return (double) nanos[PASSES / 2] / neurons;
    }

    /** Random responses of teacher and student; every sample of the student answers the same. */
    private static final class Batch implements LossBatch {
        private final TeacherResponses[] teacher = new TeacherResponses[SHAPES.size()];
        private final float[][] responses = new float[SHAPES.size()][];
        private final float[][] gradients = new float[SHAPES.size()][];

        Batch(TeacherResponses.Encoding encoding) {
            Random random = new Random(1);
            for (int tap = 0; tap < teacher.length; tap++) {
                responses[tap] = new float[shape(tap).elements()];
                gradients[tap] = new float[shape(tap).elements()];
                for (int i = 0; i < responses[tap].length; i++) {
                    responses[tap][i] = (float) random.nextGaussian();
                }
                teacher[tap] = new TeacherResponses(encoding, bytes(encoding, tap, random));
            }
        }

        private ByteBuffer bytes(TeacherResponses.Encoding encoding, int tap, Random random) {
            int neurons = SAMPLES * shape(tap).elements();
            if (encoding == TeacherResponses.Encoding.SIGN_BITS) {
                byte[] signs = new byte[neurons / 8];
                random.nextBytes(signs);
                return ByteBuffer.allocateDirect(signs.length).put(signs).flip();
            }
            ByteBuffer halves = ByteBuffer.allocateDirect(neurons * Short.BYTES);
            for (int i = 0; i < neurons; i++) {
                // Numbers between 2^-8 and 4, little-endian.
                halves.put((byte) random.nextInt());
                halves.put((byte) (((7 + random.nextInt(10)) << 2) | (random.nextInt() & 0x83)));
            }
            return halves.flip();
        }

        @Override
        public int samples() {
            return SAMPLES;
        }

        @Override
        public int taps() {
            return SHAPES.size();
        }

        @Override
        public int imageSide() {
            return SIDE;
        }

        @Override
        public FeatureShape shape(int tap) {
            return SHAPES.get(tap);
        }

        @Override
        public TeacherResponses teacher(int tap) {
            return teacher[tap];
        }

        @Override
        public float[] teacherLogits(int from, int count) {
            throw new IllegalArgumentException("there are no logits");
        }

        @Override
        public int label(int sample) {
            throw new IllegalArgumentException("there are no labels");
        }

        @Override
        public float[] student(StudentOutput output) {
            throw new IllegalArgumentException("there is no batch of responses");
        }

        @Override
        public void agreeing(int tap, int sample, long neurons) {}
    }
}
