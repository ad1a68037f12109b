package io.abmesh.nn.training;

import static io.abmesh.nn.training.DifferenceQuotients.floats;
import static io.abmesh.nn.training.DifferenceQuotients.minus;
import static io.abmesh.nn.training.DifferenceQuotients.stored;
import static io.abmesh.nn.training.DifferenceQuotients.trained;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.abmesh.nn.checkpoint.StoredTensor;
import io.abmesh.nn.loss.BoundaryLoss;
import io.abmesh.nn.loss.CrossEntropyLoss;
import io.abmesh.nn.loss.DistillationLoss;
import io.abmesh.nn.loss.LossTerm;
import io.abmesh.nn.loss.Reduction;
import io.abmesh.nn.loss.TeacherResponses;
import io.abmesh.nn.network.FeatureShape;
import io.abmesh.nn.network.NetworkSpec;
import io.abmesh.nn.network.Networks;
import io.abmesh.nn.training.ReductionTree.Subtree;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Gradients of whole networks through connectors, and what a step does with them. */
final class GradientTest {
    private static final int SAMPLES = 4;
    private static final int CLASSES = 5;

    private final Random random = new Random(11);

    @Test
    void everyArraysGradientIsTheDifferenceQuotientThroughTheConnectors() {
        NetworkSpec network = Networks.parse("wrn-10-1", new FeatureShape(3, 16, 16), CLASSES);
        List<LossTerm> losses =
                List.of(
                        new BoundaryLoss(0.1, 1, Reduction.MEAN, 10),
                        new DistillationLoss(0.5, 3, true, false),
                        new CrossEntropyLoss(0.5));
        try (StudentTrainer trainer = trainer(network, ConnectorPolicy.CONV1X1BN)) {
            MicroBatch batch = batch(network);
            trainer.beginPhase(new PhaseSetup(losses, new OptimizerSetup(0, 0)));
            new DifferenceQuotients(trainer, batch, random).assertGradients(array -> false);
        }
    }

    @Test
    void microBatchesAddUpToTheirMeanInOrder() {
        NetworkSpec network = Networks.parse("wrn-10-1", new FeatureShape(3, 16, 16), CLASSES);
        List<LossTerm> losses = List.of(new CrossEntropyLoss(1));
        try (StudentTrainer trainer = trainer(network, ConnectorPolicy.AUTO)) {
            MicroBatch one = batch(network);
            MicroBatch two = batch(network);
            trainer.beginPhase(new PhaseSetup(losses, new OptimizerSetup(0, 0)));
            Map<String, StoredTensor> start = trainer.state();
            float[] first = gradient(trainer, start, "fc.weight", one);
            float[] second = gradient(trainer, start, "fc.weight", two);
            float[] both = gradient(trainer, start, "fc.weight", one, two);

            for (int i = 0; i < both.length; i++) {
                // a gradient is read off as a difference of parameters near 0.1
                assertThat(both[i]).isCloseTo((first[i] + second[i]) / 2, within(1e-7f));
            }
        }
    }

    @Test
    void aBoundaryPhaseLeavesTheHeadAndALogitPhaseTheConnectors() {
        NetworkSpec network = Networks.parse("wrn-10-1", new FeatureShape(3, 16, 16), CLASSES);
        OptimizerSetup optimizer = new OptimizerSetup(0.9, 5e-4);
        try (StudentTrainer trainer = trainer(network, ConnectorPolicy.AUTO)) {
            MicroBatch batch = batch(network);
            trainer.beginPhase(
                    new PhaseSetup(List.of(new BoundaryLoss(1, 1, Reduction.MEAN, 50)), optimizer));
            Map<String, StoredTensor> start = trainer.state();
            trainer.accumulate(batch, 1);
            trainer.applyUpdate(0.1);
            Map<String, StoredTensor> afterBoundary = trainer.state();
            trainer.beginPhase(new PhaseSetup(List.of(new CrossEntropyLoss(1)), optimizer));
            trainer.accumulate(batch, 1);
            trainer.applyUpdate(0.1);
            Map<String, StoredTensor> afterLogits = trainer.state();

            for (String array : trained(start)) {
                boolean head = array.startsWith("fc.");
                boolean connector = array.startsWith("connector.");
                assertThat(same(afterBoundary, start, array)).as(array).isEqualTo(head);
                assertThat(same(afterLogits, afterBoundary, array)).as(array).isEqualTo(connector);
            }
        }
    }

    @Test
    void aRestoredTrainerGoesOnBitForBit() {
        NetworkSpec network = Networks.parse("wrn-10-1", new FeatureShape(3, 16, 16), CLASSES);
        PhaseSetup phase =
                new PhaseSetup(
                        List.of(
                                new BoundaryLoss(1, 1, Reduction.MEAN, 50),
                                new DistillationLoss(1, 3, false, false)),
                        new OptimizerSetup(0.9, 5e-4));
        List<MicroBatch> batches = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            batches.add(batch(network));
        }
        try (StudentTrainer whole = trainer(network, ConnectorPolicy.AUTO);
                StudentTrainer cut = trainer(network, ConnectorPolicy.AUTO)) {
            whole.beginPhase(phase);
            steps(whole, batches.subList(0, 2));
            Map<String, StoredTensor> middle = whole.state();
            steps(whole, batches.subList(2, 4));

            cut.beginPhase(phase);
            cut.restore(middle);
            steps(cut, batches.subList(2, 4));

            assertThat(cut.parametersSha256()).isEqualTo(whole.parametersSha256());
            for (String array : whole.state().keySet()) {
                assertThat(same(whole.state(), cut.state(), array)).as(array).isTrue();
            }
        }
    }

    @Test
    void copiesThatShareTheMicroBatchesOfAStepStayTheSameBitForBit() {
        NetworkSpec network = Networks.parse("wrn-10-1", new FeatureShape(3, 16, 16), CLASSES);
        PhaseSetup phase =
                new PhaseSetup(
                        List.of(
                                new BoundaryLoss(1, 1, Reduction.MEAN, 50),
                                new CrossEntropyLoss(1)),
                        new OptimizerSetup(0.9, 5e-4));
        try (StudentTrainer alone = trainer(network, ConnectorPolicy.AUTO);
                StudentTrainer left = trainer(network, ConnectorPolicy.AUTO);
                StudentTrainer right = trainer(network, ConnectorPolicy.AUTO)) {
            List.of(alone, left, right).forEach(trainer -> trainer.beginPhase(phase));
            for (int step = 0; step < 2; step++) {
                List<MicroBatch> batches = new ArrayList<>();
                for (int i = 0; i < 3; i++) {
                    batches.add(batch(network));
                }
                batches.forEach(batch -> alone.accumulate(batch, 3));
                alone.applyUpdate(0.1);
                Map<Subtree, float[]> parts = new HashMap<>();
                List<float[]> statistics = new ArrayList<>();
                compute(left, batches, 0, 1, parts, statistics);
                compute(right, batches, 1, 3, parts, statistics);
                float[] total = new ReductionTree(3).total(parts::get);
                left.apply(0.1, total, statistics);
                right.apply(0.1, total, statistics);
            }

            for (String array : alone.state().keySet()) {
                assertThat(same(alone.state(), left.state(), array)).as(array).isTrue();
                assertThat(same(alone.state(), right.state(), array)).as(array).isTrue();
            }
        }
    }

    private static void compute(
            StudentTrainer trainer,
            List<MicroBatch> batches,
            int first,
            int end,
            Map<Subtree, float[]> parts,
            List<float[]> statistics) {
        GradientSum sum = new GradientSum(trainer.gradientLength());
        sum.begin(new ReductionTree(batches.size()), first);
        for (int micro = first; micro < end; micro++) {
            float[] gradient = sum.next();
            float[] found = new float[trainer.statisticsLength()];
            trainer.forward(batches.get(micro));
            trainer.backward(1.0 / batches.size(), gradient, found);
            sum.add(gradient);
            statistics.add(found);
        }
        parts.putAll(sum.sums());
    }

    private static void steps(StudentTrainer trainer, List<MicroBatch> batches) {
        for (MicroBatch batch : batches) {
            trainer.accumulate(batch, 1);
            trainer.applyUpdate(0.1);
        }
    }

    private static float[] gradient(
            StudentTrainer trainer,
            Map<String, StoredTensor> start,
            String array,
            MicroBatch... batches) {
        trainer.restore(start);
        for (MicroBatch batch : batches) {
            trainer.accumulate(batch, batches.length);
        }
        trainer.applyUpdate(1);
        return minus(floats(start, array), floats(trainer.state(), array));
    }

    private static StudentTrainer trainer(NetworkSpec network, ConnectorPolicy policy) {
        return new StudentTrainer(setup(network, policy, 2));
    }

    private static StudentSetup setup(NetworkSpec network, ConnectorPolicy policy, int threads) {
        List<TapPair> pairs = new ArrayList<>();
        for (String tap : network.taps()) {
            FeatureShape own = network.shape(tap);
            FeatureShape teacher = new FeatureShape(own.channels() + 8, own.rows(), own.columns());
            pairs.add(new TapPair(tap, tap, teacher));
        }
        return new StudentSetup(
                network,
                pairs,
                policy,
                3,
                List.of(125f, 123f, 114f),
                List.of(63f, 62f, 67f),
                threads);
    }

    private MicroBatch batch(NetworkSpec network) {
        byte[] images = new byte[SAMPLES * network.inputShape().elements()];
        random.nextBytes(images);
        ByteBuffer labels = ByteBuffer.allocate(4 * SAMPLES).order(ByteOrder.LITTLE_ENDIAN);
        ByteBuffer logits =
                ByteBuffer.allocate(4 * SAMPLES * CLASSES).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < SAMPLES; i++) {
            labels.putInt(4 * i, random.nextInt(CLASSES));
        }
        for (int i = 0; i < SAMPLES * CLASSES; i++) {
            logits.putFloat(4 * i, (float) (2 * random.nextGaussian()));
        }
        Map<String, TeacherResponses> boundaries = new HashMap<>();
        for (String tap : network.taps()) {
            FeatureShape own = network.shape(tap);
            byte[] bits = new byte[SAMPLES * (own.channels() + 8) * own.positions() / 8];
            random.nextBytes(bits);
            boundaries.put(tap, TeacherResponses.signBits(ByteBuffer.wrap(bits)));
        }
        return new MicroBatch(SAMPLES, ByteBuffer.wrap(images), labels, boundaries, logits);
    }

    private static boolean same(
            Map<String, StoredTensor> a, Map<String, StoredTensor> b, String array) {
        return stored(a, array).bytes().equals(stored(b, array).bytes());
    }
}
