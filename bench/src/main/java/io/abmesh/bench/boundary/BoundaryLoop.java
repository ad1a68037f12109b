package io.abmesh.bench.boundary;

import io.abmesh.data.image.ChannelStatistics;
import io.abmesh.data.image.ImageDataset;
import io.abmesh.data.image.ImageShape;
import io.abmesh.data.schedule.Augmentation;
import io.abmesh.data.schedule.BatchSchedule;
import io.abmesh.data.schedule.MicroBatch;
import io.abmesh.data.schedule.SubsetRule;
import io.abmesh.data.source.ImageDatasets;
import io.abmesh.nn.loss.BoundaryLoss;
import io.abmesh.nn.loss.Reduction;
import io.abmesh.nn.loss.TeacherResponses;
import io.abmesh.nn.network.FeatureShape;
import io.abmesh.nn.network.NetworkSpec;
import io.abmesh.nn.network.Networks;
import io.abmesh.nn.teacher.PixelNormalization;
import io.abmesh.nn.teacher.TapCandidate;
import io.abmesh.nn.teacher.TapEncoder;
import io.abmesh.nn.teacher.TeacherEngine;
import io.abmesh.nn.teacher.TeacherEngines;
import io.abmesh.nn.teacher.TeacherOptions;
import io.abmesh.nn.teacher.TeacherResult;
import io.abmesh.nn.teacher.TeacherSession;
import io.abmesh.nn.training.ConnectorPolicy;
import io.abmesh.nn.training.OptimizerSetup;
import io.abmesh.nn.training.PhaseSetup;
import io.abmesh.nn.training.StudentSetup;
import io.abmesh.nn.training.StudentTrainer;
import io.abmesh.nn.training.TapPair;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Runs {@code bench/plans/boundary.yaml} in one process: teacher, then student, step after step, on
 * every core each. It ends in the very parameters of the mesh's run, so both did the same work. Its
 * time begins as that of a phase in the mesh does, when the teacher has answered for the first
 * batch.
 */
public final class BoundaryLoop {
    private static final int BATCH = 128;
    private static final double EPOCHS = 15;
    private static final long SEED = 1;
    private static final double RATE = 0.1;

    private BoundaryLoop() {}

    /** Prints images a second and the digest; {@code java BoundaryLoop TEACHER}. */
    public static void main(String[] arguments) {
        ImageDataset dataset = ImageDatasets.open(ImageDatasets.BUILT_IN, Path.of("."));
        int[] subset = SubsetRule.ALL.choose(dataset.train());
        BatchSchedule schedule =
                new BatchSchedule(
                        dataset.train(), subset, BATCH, 1, new Augmentation(2, true, 0), SEED);
        ImageShape image = dataset.train().shape();
        int threads = Runtime.getRuntime().availableProcessors();
        try (TeacherEngine teacher =
                        TeacherEngines.open(
                                Path.of(arguments[0]),
                                TeacherOptions.defaults().withIntraOpThreads(threads));
                TeacherSession session =
                        teacher.open(
                                teacher.describe().autoTaps(),
                                false,
                                List.of(
                                        (long) image.channels(),
                                        (long) image.height(),
                                        (long) image.width()));
                StudentTrainer student =
                        new StudentTrainer(setup(dataset, session.taps(), threads))) {
            student.beginPhase(
                    new PhaseSetup(
                            List.of(new BoundaryLoss(1, 1, Reduction.MEAN, 50)),
                            new OptimizerSetup(0.9, 5e-4)));
            ChannelStatistics statistics = dataset.statistics();
            PixelNormalization normalization =
                    teacher.describe().rawPixels()
                            ? null
                            : new PixelNormalization(statistics.mean(), statistics.std());
            long steps = BatchSchedule.steps(EPOCHS, subset.length, BATCH);
            long start = 0;
            for (long step = 0; step < steps; step++) {
                MicroBatch batch = schedule.microBatch(step, 0);
                TeacherResult result = session.infer(batch.images(), BATCH, normalization);
                Map<String, TeacherResponses> boundaries = new HashMap<>();
                for (int tap = 0; tap < result.taps().size(); tap++) {
                    boundaries.put(
                            session.taps().get(tap).name(),
                            TeacherResponses.signBits(TapEncoder.signBits(result.taps().get(tap))));
                }
                if (step == 0) {
                    start = System.nanoTime();
                }
                student.accumulate(
                        new io.abmesh.nn.training.MicroBatch(
                                BATCH, batch.images(), batch.labels(), boundaries, null),
                        1);
                student.applyUpdate(RATE);
            }
            double seconds = (System.nanoTime() - start) / 1e9;
            System.out.printf(
                    Locale.ROOT,
                    "%.1f images/s, parametersSha256 %s%n",
                    steps * BATCH / seconds,
                    student.parametersSha256());
        }
    }

    private static StudentSetup setup(ImageDataset dataset, List<TapCandidate> taps, int threads) {
        ImageShape image = dataset.train().shape();
        NetworkSpec network =
                Networks.parse(
                        "wrn-10-1",
                        new FeatureShape(image.channels(), image.height(), image.width()),
                        dataset.train().classNames().size());
        List<TapPair> pairs = new ArrayList<>();
        IntStream.range(0, taps.size())
                .forEach(
                        i -> {
                            List<Long> shape = taps.get(i).sampleShape();
                            pairs.add(
                                    new TapPair(
                                            network.taps().get(i),
                                            taps.get(i).name(),
                                            new FeatureShape(
                                                    Math.toIntExact(shape.get(0)),
                                                    Math.toIntExact(shape.get(1)),
                                                    Math.toIntExact(shape.get(2)))));
                        });
        return new StudentSetup(
                network,
                pairs,
                ConnectorPolicy.AUTO,
                SEED,
                dataset.statistics().mean(),
                dataset.statistics().std(),
                threads);
    }
}
