package io.abmesh.student.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.plan.ProbedScale;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class ScaleProbeTest {
    @ParameterizedTest(name = "{0} steps: {1} for each scale")
    @CsvSource({"80, 4", "99, 4", "100, 5", "400, 20", "100000, 20"})
    void takesAQuarterOfThePhaseAtMost(long length, long each) {
        ScaleProbe probe = new ScaleProbe(length);
        List<Long> restarts = new ArrayList<>();
        for (long step = 0; step < length; step++) {
            if (probe.restarts(step)) {
                restarts.add(step);
            }
        }

        assertThat(restarts).containsExactly(0L, each, 2 * each, 3 * each, 4 * each, 5 * each);
        for (int i = 0; i < ProbedScale.SCALES.size(); i++) {
            assertThat(probe.scale(i * each)).isEqualTo(ProbedScale.SCALES.get(i));
            assertThat(probe.scale((i + 1) * each - 1)).isEqualTo(ProbedScale.SCALES.get(i));
        }
    }

    @ParameterizedTest
    @CsvSource({"5", "16", "50", "160", "500"})
    void goesOnWithTheScaleThatAgreesMost(double best) {
        ScaleProbe probe = new ScaleProbe(100);
        ScaleProbe.Choice choice = run(probe, scale -> scale == best ? 0.7 : 0.65);

        assertThat(choice.scale()).isEqualTo(best);
        assertThat(probe.scale(25)).isEqualTo(best);
        assertThat(probe.scale(99)).isEqualTo(best);
        assertThat(choice.agreements()).hasSize(5);
        assertThat(choice.agreements().get(ProbedScale.SCALES.indexOf(best)))
                .isCloseTo(0.7, within(1e-6));
    }

    @Test
    void ofEqualScalesTheSmallerIsChosen() {
        assertThat(run(new ScaleProbe(100), scale -> scale < 50 ? 0.6 : 0.7).scale()).isEqualTo(50);
    }

    @Test
    void onlyTheSecondHalfOfAScalesStepsCounts() {
        ScaleProbe probe = new ScaleProbe(80);
        Optional<ScaleProbe.Choice> choice = Optional.empty();
        for (long step = 0; step < 20; step++) {
            boolean late = step % 4 >= 2;
            choice = probe.add(step, List.of(late ? 0.6 : 0.9, late ? 0.8 : 0.9));
        }

        assertThat(choice.orElseThrow().agreements())
                .allSatisfy(agreement -> assertThat(agreement).isCloseTo(0.7, within(1e-6)));
    }

    @Test
    void goesOnFromItsStateToTheBitWhereverItIsCut() {
        for (int cut = 0; cut <= 25; cut++) {
            ScaleProbe whole = new ScaleProbe(100);
            ScaleProbe other = new ScaleProbe(100);
            for (long step = 0; step < 30; step++) {
                if (step == cut) {
                    other = ScaleProbe.of(100, other.state());
                }
                List<Double> agreement = List.of(0.5 + 0.01 * (step * 7 % 11), 0.3);
                assertThat(other.scale(step)).isEqualTo(whole.scale(step));
                assertThat(other.add(step, agreement)).isEqualTo(whole.add(step, agreement));
            }
            assertThat(other.state()).isEqualTo(whole.state());
        }
    }

    @Test
    void refusesAPhaseThatIsTooShort() {
        assertThatThrownBy(() -> new ScaleProbe(79))
                .isInstanceOf(MeshException.class)
                .hasMessage("phase is too short to find its scale: found=79 steps, min=80");
    }

    @Test
    void refusesAStateOfAnotherKind() {
        assertThatThrownBy(() -> ScaleProbe.of(80, new float[4]))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("state of a probe: found=4 elements, expected=5");
    }

    private static ScaleProbe.Choice run(ScaleProbe probe, DoubleUnaryOperator agreement) {
        Optional<ScaleProbe.Choice> choice = Optional.empty();
        for (long step = 0; choice.isEmpty(); step++) {
            choice = probe.add(step, List.of(agreement.applyAsDouble(probe.scale(step))));
        }
        return choice.orElseThrow();
    }
}
