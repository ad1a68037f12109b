package io.abmesh.nn.loss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.function.ToDoubleFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class LogitLossesTest {
    private static final float[] STUDENT = {0.5f, -1.25f, 2f, 0f};
    private static final float[] TEACHER = {1.5f, 0.25f, -0.5f, 3f};

    /** A power of two, so that a step is exact in {@code float}. */
    private static final float STEP = 1f / 128;

    @ParameterizedTest(name = "T={0}, T*T={1}")
    @CsvSource({"1, false", "3, false", "3, true", "20, true"})
    void theGradientOfDistillationIsTheDifferenceQuotient(double temperature, boolean squared) {
        LossTerm.Distillation term = new LossTerm.Distillation(1, temperature, squared);
        float[] gradient = new float[STUDENT.length];
        LogitLosses.distillation(STUDENT, TEACHER, term, 0.25, gradient);

        assertQuotients(
                gradient,
                0.25,
                logits ->
                        LogitLosses.distillation(
                                logits, TEACHER, term, 1, new float[STUDENT.length]));
    }

    @ParameterizedTest(name = "label {0}")
    @CsvSource({"0", "3"})
    void theGradientOfCrossEntropyIsTheDifferenceQuotient(int label) {
        float[] gradient = new float[STUDENT.length];
        LogitLosses.crossEntropy(STUDENT, label, 0, 0.25, gradient);

        assertQuotients(
                gradient,
                0.25,
                logits -> LogitLosses.crossEntropy(logits, label, 0, 1, new float[STUDENT.length]));
    }

    @Test
    void distillationFromALikeMindedTeacherIsZeroWhateverTheOffset() {
        LossTerm.Distillation term = new LossTerm.Distillation(1, 3, true);
        float[] shifted = {100.5f, 98.75f, 102f, 100f};
        float[] gradient = new float[4];

        assertThat(LogitLosses.distillation(STUDENT, shifted, term, 1, gradient))
                .isCloseTo(0, within(1e-12));
        assertThat(gradient).containsExactly(new float[4], within(1e-7f));
    }

    @Test
    void theSquaredTemperatureIsAFactorOfTheLoss() {
        double plain =
                LogitLosses.distillation(
                        STUDENT, TEACHER, new LossTerm.Distillation(1, 3, false), 1, new float[4]);
        double squared =
                LogitLosses.distillation(
                        STUDENT, TEACHER, new LossTerm.Distillation(1, 3, true), 1, new float[4]);

        assertThat(plain).isPositive();
        assertThat(squared).isCloseTo(9 * plain, within(1e-12));
    }

    @Test
    void equalLogitsCostTheLogarithmOfTheClassCount() {
        assertThat(LogitLosses.crossEntropy(new float[10], 4, 0, 1, new float[10]))
                .isCloseTo(Math.log(10), within(1e-12));
    }

    @Test
    void hugeLogitsStayFinite() {
        float[] logits = {3e38f, -3e38f};

        assertThat(LogitLosses.crossEntropy(logits, 0, 0, 1, new float[2])).isZero();
        assertThat(LogitLosses.crossEntropy(logits, 1, 0, 1, new float[2])).isFinite().isPositive();
    }

    @Test
    void aLogitThatIsNotANumberMakesTheLossOneToo() {
        float[] logits = {0, Float.NaN};

        assertThat(LogitLosses.crossEntropy(logits, 0, 0, 1, new float[2])).isNaN();
    }

    @Test
    void gradientsAreAddedToWhatIsThere() {
        float[] once = new float[4];
        float[] twice = new float[4];
        LogitLosses.crossEntropy(STUDENT, 1, 0, 1, once);
        LogitLosses.crossEntropy(STUDENT, 1, 0, 1, twice);
        LogitLosses.crossEntropy(STUDENT, 1, 0, 1, twice);

        for (int k = 0; k < 4; k++) {
            assertThat(twice[k]).isEqualTo(2 * once[k]);
        }
    }

    /** The losses are computed in {@code double}: only the second order of the step is left. */
    private static void assertQuotients(
            float[] gradient, double factor, ToDoubleFunction<float[]> loss) {
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
