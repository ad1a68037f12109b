package io.abmesh.nn.training;

import io.abmesh.nn.loss.AttentionLoss;
import io.abmesh.nn.loss.BoundaryLoss;
import io.abmesh.nn.loss.CenteredLogitsLoss;
import io.abmesh.nn.loss.CrossEntropyLoss;
import io.abmesh.nn.loss.DecoupledLoss;
import io.abmesh.nn.loss.DistanceLoss;
import io.abmesh.nn.loss.DistanceLoss.Norm;
import io.abmesh.nn.loss.DistillationLoss;
import io.abmesh.nn.loss.FlowLoss;
import io.abmesh.nn.loss.LossTerm;
import io.abmesh.nn.loss.OverhaulLoss;
import io.abmesh.nn.loss.Reduction;
import io.abmesh.nn.loss.RelationLoss;
import io.abmesh.nn.loss.TeacherResponses;
import io.abmesh.nn.network.FeatureShape;
import io.abmesh.nn.network.NetworkSpec;
import io.abmesh.nn.network.Networks;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Each loss, and sums of them, through a whole student: the gradient of every array against central
 * differences, behind convolving connectors to a wider teacher and without any to an equal one.
 * Which arrays a loss leaves still is part of the claim.
 */
final class LossGradientTest {
    private static final int SAMPLES = 4;
    private static final int CLASSES = 5;
    private static final int TEACHER_CLASSES = 7;
    private static final int WIDER = 8;
    private static final List<Integer> EVERY_TAP = List.of();

    private final Random random = new Random(17);

    /**
     * A phase.
     *
     * @param still starts of the names of arrays that it does not depend on
     */
    private record Case(
            String name, ConnectorPolicy connector, List<LossTerm> losses, List<String> still) {
        @Override
        public String toString() {
            return name + ", " + connector;
        }
    }

    static Stream<Case> atTaps() {
        return Stream.of(ConnectorPolicy.CONV1X1BN, ConnectorPolicy.IDENTITY)
                .flatMap(
                        connector ->
                                Stream.of(
                                        new Case(
                                                "l1 behind a ReLU",
                                                connector,
                                                List.of(distance(Norm.L1, true, EVERY_TAP)),
                                                List.of("fc.")),
                                        new Case(
                                                "l2 of raw responses",
                                                connector,
                                                List.of(distance(Norm.L2, false, EVERY_TAP)),
                                                List.of("fc.")),
                                        new Case(
                                                "l2 at the middle tap, as FitNet",
                                                connector,
                                                List.of(distance(Norm.L2, true, List.of(1))),
                                                List.of(
                                                        "fc.",
                                                        "bn1.",
                                                        "block3.layer.0.c",
                                                        "block3.layer.0.bn2",
                                                        "connector.1.",
                                                        "connector.3.")),
                                        new Case(
                                                "ofd",
                                                connector,
                                                List.of(new OverhaulLoss(1, 10, EVERY_TAP)),
                                                List.of("fc.")),
                                        new Case(
                                                "attention, which no connector serves",
                                                connector,
                                                List.of(
                                                        new AttentionLoss(
                                                                1, true, 1000, EVERY_TAP)),
                                                List.of("fc.", "connector.")),
                                        new Case(
                                                "attention to raw responses",
                                                connector,
                                                List.of(
                                                        new AttentionLoss(
                                                                1, false, 1000, EVERY_TAP)),
                                                List.of("fc.", "connector.")),
                                        new Case(
                                                "fsp from each tap to the next",
                                                connector,
                                                List.of(new FlowLoss(1, true, 10, EVERY_TAP)),
                                                List.of("fc.")),
                                        new Case(
                                                "fsp of raw responses over a tap",
                                                connector,
                                                List.of(new FlowLoss(1, false, 10, List.of(0, 2))),
                                                List.of("fc.", "connector.2.")),
                                        new Case(
                                                "a weighted sum at taps and logits",
                                                connector,
                                                List.of(
                                                        new BoundaryLoss(
                                                                0.1, 1, Reduction.MEAN, 10),
                                                        new DistanceLoss(
                                                                0.3, Norm.L2, true, 5, List.of(1)),
                                                        new AttentionLoss(
                                                                0.5, true, 1000, List.of(0, 2)),
                                                        new FlowLoss(0.2, true, 5, EVERY_TAP),
                                                        new DecoupledLoss(0.4, 4, 1, 2, false),
                                                        new CrossEntropyLoss(0.5, 0.1)),
                                                List.of())));
    }

    static Stream<Case> atDenseTaps() {
        return Stream.of(ConnectorPolicy.CONV1X1BN, ConnectorPolicy.IDENTITY)
                .flatMap(
                        connector ->
                                Stream.of(
                                        new Case(
                                                "boundary at dense taps",
                                                connector,
                                                List.of(new BoundaryLoss(1, 1, Reduction.MEAN, 10)),
                                                List.of("fc.")),
                                        new Case(
                                                "l1 at dense taps",
                                                connector,
                                                List.of(distance(Norm.L1, false, EVERY_TAP)),
                                                List.of("fc.")),
                                        new Case(
                                                "l2 at the first dense tap, as FitNet",
                                                connector,
                                                List.of(distance(Norm.L2, true, List.of(0))),
                                                List.of("fc.", "layer.1.", "connector.2.")),
                                        new Case(
                                                "ofd at dense taps",
                                                connector,
                                                List.of(new OverhaulLoss(1, 10, EVERY_TAP)),
                                                List.of("fc.")),
                                        new Case(
                                                "a weighted sum at dense taps and logits",
                                                connector,
                                                List.of(
                                                        new BoundaryLoss(
                                                                0.1, 1, Reduction.MEAN, 10),
                                                        new DistanceLoss(
                                                                0.3, Norm.L2, true, 5, EVERY_TAP),
                                                        new CrossEntropyLoss(0.5)),
                                                List.of())));
    }

    static Stream<Case> ofLogits() {
        return Stream.of(
                ofLogits("kd", new DistillationLoss(1, 3, true, false)),
                ofLogits("kd of standardised logits", new DistillationLoss(1, 2, true, true)),
                ofLogits("dkd", new DecoupledLoss(1, 4, 1, 2, false)),
                ofLogits("dkd of standardised logits", new DecoupledLoss(1, 2, 1, 2, true)),
                ofLogits("dist", new RelationLoss(1, 2, 1, 1)),
                ofLogits("cross-entropy with smoothed labels", new CrossEntropyLoss(1, 0.1)),
                ofLogits(
                        "kd, dist and cross-entropy",
                        new DistillationLoss(0.5, 3, true, false),
                        new RelationLoss(0.3, 2, 1, 2),
                        new CrossEntropyLoss(0.7)));
    }

    private static Case ofLogits(String name, LossTerm... losses) {
        return new Case(name, ConnectorPolicy.CONV1X1BN, List.of(losses), List.of("connector."));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource({"atTaps", "ofLogits"})
    void gradientIsTheDifferenceQuotientOf(Case phase) {
        check("wrn-10-1", phase, 0);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("atDenseTaps")
    void gradientOfAMultiLayerPerceptronIsTheDifferenceQuotientOf(Case phase) {
        check("mlp-24-12", phase, 0);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("ofOtherClasses")
    void gradientToATeacherOfOtherClassesIsTheDifferenceQuotientOf(Case phase) {
        check("wrn-10-1", phase, TEACHER_CLASSES);
    }

    static Stream<Case> ofOtherClasses() {
        LossTerm centered = new CenteredLogitsLoss(1, 10);
        return Stream.of(
                new Case(
                        "centred logits through a linear map",
                        ConnectorPolicy.CONV1X1BN,
                        List.of(centered),
                        List.of("fc.", "connector.1", "connector.2", "connector.3")),
                new Case(
                        "centred logits, ofd and cross-entropy",
                        ConnectorPolicy.CONV1X1BN,
                        List.of(
                                centered,
                                new OverhaulLoss(0.3, 10, EVERY_TAP),
                                new CrossEntropyLoss(0.5)),
                        List.of()));
    }

    private void check(String student, Case phase, int mappedClasses) {
        NetworkSpec network = Networks.parse(student, new FeatureShape(3, 16, 16), CLASSES);
        int wider = phase.connector() == ConnectorPolicy.IDENTITY ? 0 : WIDER;
        List<TapPair> pairs = new ArrayList<>();
        for (String tap : network.taps()) {
            FeatureShape own = network.shape(tap);
            pairs.add(
                    new TapPair(
                            tap,
                            tap,
                            new FeatureShape(own.channels() + wider, own.rows(), own.columns())));
        }
        StudentSetup setup =
                new StudentSetup(
                        network,
                        pairs,
                        phase.connector(),
                        3,
                        List.of(125f, 123f, 114f),
                        List.of(63f, 62f, 67f),
                        mappedClasses,
                        2);
        try (StudentTrainer trainer = new StudentTrainer(setup)) {
            trainer.beginPhase(new PhaseSetup(phase.losses(), new OptimizerSetup(0, 0)));
            new DifferenceQuotients(trainer, batch(setup), random)
                    .assertGradients(array -> phase.still().stream().anyMatch(array::startsWith));
        }
    }

    private static LossTerm distance(Norm norm, boolean rectified, List<Integer> taps) {
        return new DistanceLoss(1, norm, rectified, 10, taps);
    }

    private MicroBatch batch(StudentSetup setup) {
        byte[] images = new byte[SAMPLES * setup.network().inputShape().elements()];
        random.nextBytes(images);
        ByteBuffer labels = ByteBuffer.allocate(4 * SAMPLES).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < SAMPLES; i++) {
            labels.putInt(4 * i, random.nextInt(CLASSES));
        }
        int classes = setup.mappedClasses() > 0 ? setup.mappedClasses() : CLASSES;
        Map<String, TeacherResponses> taps = new HashMap<>();
        for (TapPair pair : setup.pairs()) {
            taps.put(
                    pair.teacherTap(),
                    new TeacherResponses(
                            TeacherResponses.Encoding.FLOAT32,
                            gaussian(SAMPLES * pair.teacherShape().elements(), 1)));
        }
        return new MicroBatch(
                SAMPLES, ByteBuffer.wrap(images), labels, taps, gaussian(SAMPLES * classes, 2));
    }

    private ByteBuffer gaussian(int count, double deviation) {
        ByteBuffer values = ByteBuffer.allocate(4 * count).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < count; i++) {
            values.putFloat(4 * i, (float) (deviation * random.nextGaussian()));
        }
        return values;
    }
}
