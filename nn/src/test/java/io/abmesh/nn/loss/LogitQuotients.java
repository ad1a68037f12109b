package io.abmesh.nn.loss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.function.ToDoubleFunction;

/** Difference quotients of a loss by the logits of one sample. */
final class LogitQuotients {
    static final float[] STUDENT = {0.5f, -1.25f, 2f, 0f};
    static final float[] TEACHER = {1.5f, 0.25f, -0.5f, 3f};

    /** A power of two, so that a step is exact in {@code float}. */
    private static final float STEP = 1f / 128;

    private LogitQuotients() {}

    /** The losses are computed in {@code double}: only the second order of the step is left. */
    static void assertQuotients(float[] gradient, double factor, ToDoubleFunction<float[]> loss) {
        for (int k = 0; k < gradient.length; k++) {
            float[] more = STUDENT.clone();
            float[] less = STUDENT.clone();
            more[k] += STEP;
            less[k] -= STEP;
            double quotient = (loss.applyAsDouble(more) - loss.applyAsDouble(less)) / (2 * STEP);
            assertThat((double) gradient[k]).isCloseTo(factor * quotient, within(1e-5));
        }
    }
}
