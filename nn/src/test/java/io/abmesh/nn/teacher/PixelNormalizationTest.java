package io.abmesh.nn.teacher;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class PixelNormalizationTest {
    @ParameterizedTest(name = "mean {0}, std {1}")
    @CsvSource({"NaN, 1", "Infinity, 1", "0, NaN", "0, Infinity", "0, 0", "0, -1", "0, 1e-40"})
    void refusesWhatGivesNoFiniteInput(float mean, float std) {
        assertThatThrownBy(() -> new PixelNormalization(List.of(1f, mean), List.of(1f, std)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "normalization out of range: found=mean %s and std %s in channel 1, expected=finite, std > 0 and 1/std finite",
                        mean, std);
    }
}
