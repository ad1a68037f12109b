package io.abmesh.nn.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.abmesh.nn.checkpoint.StoredTensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Predicate;

/**
 * Holds the gradient of each array of a student against central differences of its loss.
 *
 * <p>An update with rate 1, without momentum and decay, moves each array by its gradient; so the
 * check needs no more than what the trainer offers.
 */
final class DifferenceQuotients {
    private static final String MOMENTUM = "momentum.";

    /** Change of the loss that a step aims at, as a share of it: far above rounding. */
    private static final double CHANGE = 1e-4;

    /** Longest step, as a share of the array's length: the loss bends beyond. */
    private static final double LONGEST = 1e-3;

    /** How far rounding moves the loss, as a share of it. */
    private static final double ROUNDING = 1e-6;

    /** The kinks of ReLU and hinge that a step crosses. */
    private static final double TOLERANCE = 0.03;

    private final StudentTrainer trainer;
    private final MicroBatch batch;
    private final Random random;

    /**
     * Makes the check.
     *
     * @param trainer in a phase without momentum and decay
     * @param random of the directions
     */
    DifferenceQuotients(StudentTrainer trainer, MicroBatch batch, Random random) {
        this.trainer = trainer;
        this.batch = batch;
        this.random = random;
    }

    /**
     * Checks every array, in a direction that the gradient has a part in.
     *
     * @param still names of the arrays that the loss does not depend on
     */
    void assertGradients(Predicate<String> still) {
        Map<String, StoredTensor> start = trainer.state();
        double loss = trainer.accumulate(batch, 1).loss();
        trainer.applyUpdate(1);
        Map<String, StoredTensor> moved = trainer.state();
        assertThat(trained(start)).hasSizeGreaterThan(7);
        for (String array : trained(start)) {
            float[] gradient = minus(floats(start, array), floats(moved, array));
            double norm = norm(gradient);
            if (still.test(array)) {
                assertThat(norm).as("gradient of %s", array).isZero();
                continue;
            }
            assertThat(norm).as("gradient of %s", array).isPositive();
            float[] direction = plus(scaled(gradient, 1 / norm), unit(gradient.length));
            double step = step(loss, norm, floats(start, array));
            double quotient =
                    (lossAt(start, array, direction, step) - lossAt(start, array, direction, -step))
                            / (2 * step);
            assertThat(quotient)
                    .as("%s, gradient %s, step %s", array, norm, step)
                    .isCloseTo(
                            dot(gradient, direction),
                            within(TOLERANCE * norm + ROUNDING * loss / step));
        }
    }

    private double lossAt(
            Map<String, StoredTensor> start, String array, float[] direction, double step) {
        float[] values = floats(start, array);
        for (int i = 0; i < values.length; i++) {
            values[i] += (float) (step * direction[i]);
        }
        Map<String, StoredTensor> state = new LinkedHashMap<>(start);
        state.put(array, StoredTensor.of(stored(start, array).shape(), values));
        trainer.restore(state);
        return trainer.accumulate(batch, 1).loss();
    }

    /** Returns the names of the arrays that are trained. */
    static List<String> trained(Map<String, StoredTensor> state) {
        return state.keySet().stream()
                .filter(name -> name.startsWith(MOMENTUM))
                .map(name -> name.substring(MOMENTUM.length()))
                .toList();
    }

    static StoredTensor stored(Map<String, StoredTensor> state, String array) {
        StoredTensor tensor = state.get(array);
        assertThat(tensor).as(array).isNotNull();
        return tensor;
    }

    static float[] floats(Map<String, StoredTensor> state, String array) {
        return stored(state, array).floats();
    }

    static float[] minus(float[] a, float[] b) {
        float[] result = new float[a.length];
        for (int i = 0; i < result.length; i++) {
            result[i] = a[i] - b[i];
        }
        return result;
    }

    private float[] unit(int size) {
        float[] values = new float[size];
        for (int i = 0; i < size; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return scaled(values, 1 / norm(values));
    }

    /** Where the loss hardly depends on an array, the share of its length bounds the step. */
    private static double step(double loss, double gradient, float[] values) {
        double length = Math.max(norm(values), 0.1 * Math.sqrt(values.length));
        return Math.min(CHANGE * loss / gradient, LONGEST * length);
    }

    private static float[] scaled(float[] values, double factor) {
        float[] result = new float[values.length];
        for (int i = 0; i < result.length; i++) {
            result[i] = (float) (factor * values[i]);
        }
        return result;
    }

    private static float[] plus(float[] a, float[] b) {
        return minus(a, scaled(b, -1));
    }

    private static double norm(float[] values) {
        return Math.sqrt(dot(values, values));
    }

    private static double dot(float[] a, float[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += (double) a[i] * b[i];
        }
        return sum;
    }
}
