package io.abmesh.cli.comparison;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Expected values: {@code cli/src/test/oracle/student_t.py}. */
final class EstimateTest {

    static Stream<Arguments> samples() {
        return Stream.of(
                Arguments.of(List.of(0.61, 0.64), 0.625, 0.021213203435596444, 0.1905930710426206),
                Arguments.of(
                        List.of(0.461, 0.469, 0.452),
                        0.46066666666666667,
                        0.008504900548115363,
                        0.02112734418625942),
                Arguments.of(
                        List.of(3.0, 5.0, 4.0, 8.0, 7.0),
                        5.4,
                        2.073644135332772,
                        2.5747692679290766));
    }

    @ParameterizedTest
    @MethodSource("samples")
    void agreesWithTheOracle(List<Double> values, double mean, double deviation, double margin) {
        Estimate estimate = Estimate.of(values);

        assertThat(estimate.count()).isEqualTo(values.size());
        // The quantile is found by iteration to 1e-9.
        assertThat(estimate.mean()).isCloseTo(mean, within(1e-12));
        assertThat(estimate.deviation().orElseThrow()).isCloseTo(deviation, within(1e-12));
        assertThat(estimate.margin().orElseThrow()).isCloseTo(margin, within(1e-7));
    }

    @Test
    void oneValueHasNoDeviationAndNoInterval() {
        Estimate estimate = Estimate.of(List.of(0.7));

        assertThat(estimate.mean()).isEqualTo(0.7);
        assertThat(estimate.deviation()).isEmpty();
        assertThat(estimate.margin()).isEmpty();
    }

    @Test
    void equalValuesHaveAnIntervalOfNoWidth() {
        assertThat(Estimate.of(Collections.nCopies(3, 0.5)).margin().orElseThrow()).isZero();
    }

    @Test
    void noValueHasNoMean() {
        assertThatThrownBy(() -> Estimate.of(List.of()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("no values to take a mean of");
    }
}
