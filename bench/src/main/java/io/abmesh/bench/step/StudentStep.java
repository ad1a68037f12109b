package io.abmesh.bench.step;

import io.abmesh.nn.loss.BoundaryLoss;
import io.abmesh.nn.loss.CrossEntropyLoss;
import io.abmesh.nn.loss.Reduction;
import io.abmesh.nn.loss.TeacherResponses;
import io.abmesh.nn.network.FeatureShape;
import io.abmesh.nn.network.NetworkSpec;
import io.abmesh.nn.network.Networks;
import io.abmesh.nn.training.ConnectorPolicy;
import io.abmesh.nn.training.MicroBatch;
import io.abmesh.nn.training.OptimizerSetup;
import io.abmesh.nn.training.PhaseSetup;
import io.abmesh.nn.training.StudentSetup;
import io.abmesh.nn.training.StudentTrainer;
import io.abmesh.nn.training.TapPair;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;

/**
 * Trains on one batch of random 32 x 32 images, again and again: forward, backward, update. With
 * cross-entropy, or with the boundary loss through connectors to a teacher of twice the channels.
 */
public final class StudentStep {
    private static final int WARM_UP = 15;
    private static final int SIDE = 32;
    private static final int CLASSES = 10;

    private StudentStep() {}

    /**
     * Prints images a second of the median step and milliseconds of the mean one; {@code java
     * StudentStep NETWORK BATCH STEPS [TAPS]}, where {@code TAPS} says how many taps a boundary
     * loss reads. The steps of a warm-up come first and do not count.
     */
    public static void main(String[] arguments) {
        int batch = Integer.parseInt(arguments[1]);
        int steps = Integer.parseInt(arguments[2]);
        NetworkSpec network =
                Networks.parse(arguments[0], new FeatureShape(3, SIDE, SIDE), CLASSES);
        int taps = arguments.length > 3 ? Integer.parseInt(arguments[3]) : 0;
        List<TapPair> pairs = pairs(network, taps);
        MicroBatch images = random(batch, pairs);
        long[] nanos = new long[steps];
        try (StudentTrainer trainer =
                new StudentTrainer(
                        new StudentSetup(
                                network,
                                pairs,
                                ConnectorPolicy.AUTO,
                                1,
                                List.of(125f, 123f, 114f),
                                List.of(63f, 62f, 67f),
                                Runtime.getRuntime().availableProcessors()))) {
            trainer.beginPhase(
                    new PhaseSetup(
                            List.of(
                                    taps == 0
                                            ? new CrossEntropyLoss(1)
                                            : new BoundaryLoss(1, 1, Reduction.MEAN, 50)),
                            new OptimizerSetup(0.9, 5e-4)));
            for (int i = -WARM_UP; i < steps; i++) {
                long start = System.nanoTime();
                trainer.accumulate(images, 1);
                trainer.applyUpdate(0.01);
                if (i >= 0) {
                    nanos[i] = System.nanoTime() - start;
                }
            }
        }
        Arrays.sort(nanos);
        System.out.printf(
                Locale.ROOT,
                "%.1f %.2f%n",
                batch * 1e9 / nanos[steps / 2],
                Arrays.stream(nanos).average().orElseThrow() / 1e6);
    }

    /** Pairs the last taps of a network with taps of a teacher of twice the channels. */
    private static List<TapPair> pairs(NetworkSpec network, int taps) {
        List<TapPair> pairs = new ArrayList<>();
        List<String> last =
                network.taps().subList(network.taps().size() - taps, network.taps().size());
        for (String tap : last) {
            FeatureShape own = network.shape(tap);
            pairs.add(
                    new TapPair(
                            tap,
                            "teacher." + tap,
                            new FeatureShape(2 * own.channels(), own.rows(), own.columns())));
        }
        return pairs;
    }

    private static MicroBatch random(int batch, List<TapPair> pairs) {
        Random random = new Random(1);
        byte[] pixels = new byte[batch * 3 * SIDE * SIDE];
        random.nextBytes(pixels);
        ByteBuffer labels = ByteBuffer.allocate(4 * batch).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < batch; i++) {
            labels.putInt(4 * i, random.nextInt(CLASSES));
        }
        Map<String, TeacherResponses> boundaries = new HashMap<>();
        for (TapPair pair : pairs) {
            byte[] bits = new byte[(batch * pair.teacherShape().elements() + 7) / 8];
            random.nextBytes(bits);
            boundaries.put(pair.teacherTap(), TeacherResponses.signBits(ByteBuffer.wrap(bits)));
        }
        return new MicroBatch(batch, ByteBuffer.wrap(pixels), labels, boundaries, null);
    }
}
