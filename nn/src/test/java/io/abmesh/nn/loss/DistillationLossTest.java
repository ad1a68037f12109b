package io.abmesh.nn.loss;

import static io.abmesh.nn.loss.LogitQuotients.STUDENT;
import static io.abmesh.nn.loss.LogitQuotients.TEACHER;
import static io.abmesh.nn.loss.LogitQuotients.assertQuotients;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class DistillationLossTest {
    @ParameterizedTest(name = "T={0}, T*T={1}")
    @CsvSource({"1, false", "3, false", "3, true", "20, true"})
    void theGradientIsTheDifferenceQuotient(double temperature, boolean squared) {
        DistillationLoss term = new DistillationLoss(1, temperature, squared, false);
        float[] gradient = new float[STUDENT.length];
        term.sample(STUDENT, TEACHER, 0.25, gradient);

        assertQuotients(
                gradient,
                0.25,
                logits -> term.sample(logits, TEACHER, 1, new float[STUDENT.length]));
    }

    @Test
    void aLikeMindedTeacherCostsNothingWhateverTheOffset() {
        DistillationLoss term = new DistillationLoss(1, 3, true, false);
        float[] shifted = {100.5f, 98.75f, 102f, 100f};
        float[] gradient = new float[4];

        assertThat(term.sample(STUDENT, shifted, 1, gradient)).isCloseTo(0, within(1e-12));
        assertThat(gradient).containsExactly(new float[4], within(1e-7f));
    }

    @Test
    void theSquaredTemperatureIsAFactorOfTheLoss() {
        double plain =
                new DistillationLoss(1, 3, false, false).sample(STUDENT, TEACHER, 1, new float[4]);
        double squared =
                new DistillationLoss(1, 3, true, false).sample(STUDENT, TEACHER, 1, new float[4]);

        assertThat(plain).isPositive();
        assertThat(squared).isCloseTo(9 * plain, within(1e-12));
    }
}
