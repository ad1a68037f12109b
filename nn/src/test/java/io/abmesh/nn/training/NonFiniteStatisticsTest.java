package io.abmesh.nn.training;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.abmesh.nn.checkpoint.StoredTensor;
import io.abmesh.nn.loss.CrossEntropyLoss;
import io.abmesh.nn.network.FeatureShape;
import io.abmesh.nn.network.Networks;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A batch norm and the ReLU behind it run as one, in which the largest of 0 and a NaN is 0: the
 * loss is finite then.
 */
final class NonFiniteStatisticsTest {
    private static final int SAMPLES = 4;

    @ParameterizedTest(name = "{0}")
    @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY})
    void aValueThatAReluHidesEndsTheStep(float weight) {
        try (StudentTrainer trainer =
                new StudentTrainer(
                        new StudentSetup(
                                Networks.parse("resnet-20", new FeatureShape(1, 8, 8), 3),
                                List.of(),
                                ConnectorPolicy.AUTO,
                                5,
                                List.of(128f),
                                List.of(64f),
                                1))) {
            trainer.beginPhase(
                    new PhaseSetup(List.of(new CrossEntropyLoss(1)), new OptimizerSetup(0.9, 0)));
            Map<String, StoredTensor> state = new LinkedHashMap<>(trainer.state());
            String first = state.keySet().iterator().next();
            float[] values = state.get(first).floats();
            Arrays.fill(values, weight);
            state.put(first, StoredTensor.of(state.get(first).shape(), values));
            trainer.restore(state);
            MicroBatch batch =
                    new MicroBatch(
                            SAMPLES,
                            ByteBuffer.allocate(SAMPLES * 64),
                            ByteBuffer.allocate(SAMPLES * 4),
                            Map.of(),
                            null);

            assertThatThrownBy(() -> trainer.accumulate(batch, 1))
                    .isInstanceOf(NonFiniteLossException.class)
                    .hasMessageMatching(
                            "batch statistics are not finite: array=.*running_mean, found=(NaN|-?Infinity)"
                                    + "|loss is not finite: .*"); // where there is no oneDNN
        }
    }
}
