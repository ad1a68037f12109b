package io.abmesh.student.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.abmesh.nn.checkpoint.StoredTensor;
import io.abmesh.nn.loss.BoundaryLoss;
import io.abmesh.nn.loss.Reduction;
import io.abmesh.nn.training.OptimizerSetup;
import io.abmesh.nn.training.PhaseSetup;
import io.abmesh.student.fetch.TensorNeeds;
import io.abmesh.student.schedule.LearningRate;
import io.abmesh.student.schedule.LearningRates;
import io.abmesh.student.schedule.PlateauRule;
import io.abmesh.student.schedule.ScaleProbe;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class PhaseCourseTest {
    private static final long START = 100;
    private static final StoredTensor OTHER = StoredTensor.of(List.of(1L), new float[] {7});

    @Test
    void itsRateIsThePlansUntilTheLossStops() {
        PhaseCourse course = PhaseCourse.begin(phase(Optional.of(new PlateauRule(0.5, 1, 4))));

        assertThat(course.learningRateAt(START)).isEqualTo(0.1);
        course.applied(START, 2, List.of());
        assertThat(course.learningRateAt(START + 1)).isEqualTo(0.1);
        course.applied(START + 1, 2, List.of());
        assertThat(course.learningRateAt(START + 2)).isEqualTo(0.05);
    }

    @Test
    void goesOnFromAState() {
        PlannedPhase phase = phase(Optional.of(new PlateauRule(0.5, 2, 4)));
        PhaseCourse course = PhaseCourse.begin(phase);
        course.applied(START, 2, List.of());
        course.applied(START + 1, 3, List.of());
        Map<String, StoredTensor> state = new HashMap<>(Map.of("fc.bias", OTHER));
        course.addTo(state);
        assertThat(state).containsOnlyKeys("fc.bias", "schedule.plateau");

        PhaseCourse other = PhaseCourse.of(phase, state);
        assertThat(state).containsOnlyKeys("fc.bias");
        other.applied(START + 2, 3, List.of());

        assertThat(other.learningRateAt(START + 3)).isEqualTo(0.05);
    }

    @Test
    void aPhaseThatFollowsNothingAddsNothingToAState() {
        Map<String, StoredTensor> state = new HashMap<>(Map.of("fc.bias", OTHER));
        PhaseCourse.of(phase(Optional.empty()), state).addTo(state);

        assertThat(state).containsOnlyKeys("fc.bias");
    }

    @Test
    void refusesAStateThatLacksItsTensor() {
        assertThatThrownBy(
                        () ->
                                PhaseCourse.of(
                                        phase(Optional.of(new PlateauRule(0.5, 1, 1))),
                                        new HashMap<>()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("state lacks a tensor: expected=schedule.plateau");
    }

    @Test
    void aProbedPhaseBeginsAnewWithEachScaleAndThenWithTheBest() {
        PlannedPhase phase = phase(80, Optional.empty(), true);
        PhaseCourse course = PhaseCourse.begin(phase);
        List<Double> scales = new ArrayList<>();
        for (long step = START; step < START + 80; step++) {
            if (course.restarts(step)) {
                scales.add(scale(course.setupAt(step)));
            }
            double agreement = scale(course.setupAt(step)) == 160 ? 0.8 : 0.6;
            Optional<ScaleProbe.Choice> choice = course.applied(step, 1, List.of(agreement));
            assertThat(choice.isPresent()).isEqualTo(step == START + 19);

            Map<String, StoredTensor> state = new HashMap<>();
            course.addTo(state);
            assertThat(state).containsOnlyKeys("scale.probe");
            course = PhaseCourse.of(phase, state);
        }

        assertThat(scales).containsExactly(5.0, 16.0, 50.0, 160.0, 500.0, 160.0);
    }

    @Test
    void everyScaleThatIsTriedSeesTheRatesThatTheChosenOneBeginsWith() {
        LearningRate rising = (step, length) -> (step + 1.0) / length;
        PhaseCourse course =
                PhaseCourse.begin(phase(120, Optional.empty(), true, rising)); // 6 steps a scale

        for (long start = START; start <= START + 30; start += 6) {
            assertThat(course.learningRateAt(start)).isEqualTo(1.0 / 90);
            assertThat(course.learningRateAt(start + 5)).isEqualTo(6.0 / 90);
        }
        assertThat(course.learningRateAt(START + 119)).isEqualTo(1);
    }

    private static double scale(PhaseSetup setup) {
        return ((BoundaryLoss) setup.losses().get(0)).scale();
    }

    private static PlannedPhase phase(Optional<PlateauRule> plateau) {
        return phase(4, plateau, false);
    }

    private static PlannedPhase phase(long length, Optional<PlateauRule> plateau, boolean probed) {
        return phase(length, plateau, probed, LearningRates.constant(0.1));
    }

    private static PlannedPhase phase(
            long length, Optional<PlateauRule> plateau, boolean probed, LearningRate rate) {
        return new PlannedPhase(
                0,
                "phase",
                START,
                START + length,
                new PhaseSetup(
                        List.of(new BoundaryLoss(1, 1, Reduction.MEAN, 0)),
                        new OptimizerSetup(0, 0)),
                rate,
                plateau,
                probed,
                new TensorNeeds(List.of()));
    }
}
