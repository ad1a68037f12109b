package io.abmesh.nn.export;

import io.abmesh.nn.checkpoint.StoredTensor;
import io.abmesh.nn.loss.CrossEntropyLoss;
import io.abmesh.nn.network.FeatureShape;
import io.abmesh.nn.network.NetworkSpec;
import io.abmesh.nn.network.Networks;
import io.abmesh.nn.teacher.PixelNormalization;
import io.abmesh.nn.training.ConnectorPolicy;
import io.abmesh.nn.training.MicroBatch;
import io.abmesh.nn.training.OptimizerSetup;
import io.abmesh.nn.training.PhaseSetup;
import io.abmesh.nn.training.StudentSetup;
import io.abmesh.nn.training.StudentTrainer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * A student after a few real steps on noise, so that no parameter or statistic is at its initial
 * value.
 */
final class TrainedStudent implements TrainedLogits, AutoCloseable {
    static final int CLASSES = 7;
    static final PixelNormalization NORMALIZATION =
            new PixelNormalization(List.of(125.3f, 123.0f, 113.9f), List.of(63.0f, 62.1f, 66.7f));
    private static final FeatureShape IMAGE = new FeatureShape(3, 16, 16);
    private static final int BATCH = 16;

    private final StudentTrainer trainer;
    private final ExportedStudent exported;

    private TrainedStudent(NetworkSpec network) {
        trainer =
                new StudentTrainer(
                        new StudentSetup(
                                network,
                                List.of(),
                                ConnectorPolicy.AUTO,
                                5,
                                NORMALIZATION.mean(),
                                NORMALIZATION.std(),
                                1));
        trainer.reset();
        trainer.beginPhase(
                new PhaseSetup(List.of(new CrossEntropyLoss(1)), new OptimizerSetup(0.9, 5e-4)));
        ByteBuffer labels = ByteBuffer.allocate(BATCH * 4).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < BATCH; i++) {
            labels.putInt(i % CLASSES);
        }
        labels.flip();
        for (int step = 0; step < 3; step++) {
            trainer.accumulate(new MicroBatch(BATCH, images(BATCH), labels, Map.of(), null), 1);
            trainer.applyUpdate(0.02);
        }
        Map<String, StoredTensor> tensors = trainer.student();
        exported =
                new ExportedStudent(
                        network,
                        tensors,
                        NORMALIZATION,
                        Map.of("abmesh.version", "test", "abmesh.plan_sha256", "0123"));
    }

    static TrainedStudent of(String network) {
        return new TrainedStudent(Networks.parse(network, IMAGE, CLASSES));
    }

    static ByteBuffer images(int count) {
        byte[] pixels = new byte[count * IMAGE.elements()];
        new SplittableRandom(7).nextBytes(pixels);
        return ByteBuffer.wrap(pixels);
    }

    ExportedStudent exported() {
        return exported;
    }

    @Override
    public float[] logits(ByteBuffer images, int count) {
        return trainer.logits(images, count);
    }

    @Override
    public void close() {
        trainer.close();
    }
}
