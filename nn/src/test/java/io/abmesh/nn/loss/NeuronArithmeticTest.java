package io.abmesh.nn.loss;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class NeuronArithmeticTest {
    @ParameterizedTest
    @ValueSource(
            floats = {0, -0f, Float.MIN_VALUE, Float.MIN_NORMAL, 6e-8f, 1, 1e20f, Float.MAX_VALUE})
    void arithmeticSaysWhatAComparisonWould(float size) {
        for (float x : new float[] {size, -size}) {
            assertThat(NeuronArithmetic.sign(x)).isEqualTo(Math.signum(x) + 0f);
            assertThat(NeuronArithmetic.positive(Math.max(x, 0f))).isEqualTo(x > 0 ? 1f : 0f);
            if (x > 0) {
                assertThat(NeuronArithmetic.lowWherePositive(x)).isLessThan(-1e30f);
            } else {
                assertThat(NeuronArithmetic.lowWherePositive(x) + 0f).isZero();
            }
            for (float y : new float[] {1, 0f, -0f, Float.MIN_VALUE, -1}) {
                assertThat(NeuronArithmetic.agreeing(new float[] {x}, new float[] {y}))
                        .as("%s and %s", x, y)
                        .isEqualTo((x > 0) == (y > 0) ? 1 : 0);
            }
        }
    }

    @Test
    void sumsAreOfAllTermsAndHandOnWhatIsNotANumber() {
        float[] terms = new float[70_001];
        double squares = 0;
        double sizes = 0;
        for (int i = 0; i < terms.length; i++) {
            terms[i] = (i % 7 - 3) * 0.5f;
            squares += (double) terms[i] * terms[i];
            sizes += Math.abs(terms[i]);
        }
        // Multiples of a quarter: no sum is rounded.
        assertThat(NeuronArithmetic.squares(terms)).isEqualTo(squares);
        assertThat(NeuronArithmetic.sizes(terms)).isEqualTo(sizes);
        terms[70_000] = Float.NaN;
        assertThat(NeuronArithmetic.squares(terms)).isNaN();
        assertThat(NeuronArithmetic.sizes(terms)).isNaN();
    }
}
