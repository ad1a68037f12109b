package io.abmesh.nn.loss;

import static io.abmesh.nn.loss.LogitQuotients.STUDENT;
import static io.abmesh.nn.loss.LogitQuotients.assertQuotients;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class CrossEntropyLossTest {
    private static final CrossEntropyLoss LOSS = new CrossEntropyLoss(1);

    @ParameterizedTest(name = "label {0}")
    @CsvSource({"0", "3"})
    void theGradientIsTheDifferenceQuotient(int label) {
        float[] gradient = new float[STUDENT.length];
        LOSS.sample(STUDENT, label, 0.25, gradient);

        assertQuotients(
                gradient, 0.25, logits -> LOSS.sample(logits, label, 1, new float[STUDENT.length]));
    }

    @Test
    void equalLogitsCostTheLogarithmOfTheClassCount() {
        assertThat(LOSS.sample(new float[10], 4, 1, new float[10]))
                .isCloseTo(Math.log(10), within(1e-12));
    }

    @Test
    void hugeLogitsStayFinite() {
        float[] logits = {3e38f, -3e38f};

        assertThat(LOSS.sample(logits, 0, 1, new float[2])).isZero();
        assertThat(LOSS.sample(logits, 1, 1, new float[2])).isFinite().isPositive();
    }

    @Test
    void aLogitThatIsNotANumberMakesTheLossOneToo() {
        float[] logits = {0, Float.NaN};

        assertThat(LOSS.sample(logits, 0, 1, new float[2])).isNaN();
    }

    @Test
    void gradientsAreAddedToWhatIsThere() {
        float[] once = new float[4];
        float[] twice = new float[4];
        LOSS.sample(STUDENT, 1, 1, once);
        LOSS.sample(STUDENT, 1, 1, twice);
        LOSS.sample(STUDENT, 1, 1, twice);

        for (int k = 0; k < 4; k++) {
            assertThat(twice[k]).isEqualTo(2 * once[k]);
        }
    }
}
