package io.abmesh.student.schedule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.PhasePlan;
import io.abmesh.proto.v1.ScheduleKind;
import io.abmesh.proto.v1.SchedulePlan;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

final class LossPlateauTest {
    private static final List<Double> LOSSES =
            List.of(
                    2.0, 1.5, 1.2, 1.1999, 1.25, 1.3, 1.1, 1.0999, 1.2, 1.0, 1.1, 1.2, 1.3, 0.9,
                    0.89999, 0.95);

    /** {@code src/test/oracle/make_plateau.py}: falls after each epoch, by PyTorch's patience. */
    static Stream<Arguments> fallsByPyTorch() {
        return Stream.of(
                Arguments.of(0, List.of(0, 0, 0, 1, 2, 3, 3, 4, 5, 5, 6, 7, 8, 8, 9, 10)),
                Arguments.of(1, List.of(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 4)),
                Arguments.of(2, List.of(0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2)));
    }

    @ParameterizedTest(name = "patience {0}")
    @MethodSource("fallsByPyTorch")
    void fallsWhenPyTorchDoes(int patience, List<Integer> falls) {
        LossPlateau plateau = new LossPlateau(new PlateauRule(0.5, patience + 1, LOSSES.size()));

        List<Double> factors = new ArrayList<>();
        for (int epoch = 0; epoch < LOSSES.size(); epoch++) {
            plateau.add(LOSSES.get(epoch), epoch, LOSSES.size());
            factors.add(plateau.factor());
        }

        assertThat(factors).isEqualTo(falls.stream().map(n -> Math.pow(0.5, n)).toList());
    }

    @Test
    void comparesTheMeansOfEpochs() {
        LossPlateau plateau = new LossPlateau(new PlateauRule(0.1, 1, 3));

        List<Double> factors = add(plateau, 0, 6, 1, 3, 4, 0, 0, 4);

        // 2, 2 and 2: an epoch is two steps, and the first is the lowest so far
        assertThat(factors).containsExactly(1.0, 1.0, 1.0, 0.1, 0.1, 0.1 * 0.1);
    }

    @Test
    void anEpochThatIsNoWholeNumberOfStepsEndsWithTheStepThatCompletesIt() {
        LossPlateau plateau = new LossPlateau(new PlateauRule(0.5, 1, 2.4));

        // 6 steps, so that epochs end behind steps 2 and 4, and 0.4 of one is left
        List<Double> factors = add(plateau, 0, 6, 1, 1, 1, 1, 1, 1);

        assertThat(factors).containsExactly(1.0, 1.0, 1.0, 1.0, 0.5, 0.5);
    }

    @Test
    void goesOnFromItsStateToTheBitWhereverItIsCut() {
        PlateauRule rule = new PlateauRule(0.3, 2, 5);
        double[] losses = {3.1, 2.7, 2.9, 2.8, 2.8, 2.75, 2.9, 2.7, 2.9, 2.9, 3, 2.8, 2.9};
        LossPlateau whole = new LossPlateau(rule);
        List<Double> expected = add(whole, 0, losses.length, losses);
        assertThat(expected).endsWith(0.3);

        for (int cut = 0; cut <= losses.length; cut++) {
            LossPlateau first = new LossPlateau(rule);
            List<Double> found = new ArrayList<>();
            for (int step = 0; step < losses.length; step++) {
                if (step == cut) {
                    first = LossPlateau.of(rule, first.state());
                }
                first.add(losses[step], step, losses.length);
                found.add(first.factor());
            }

            assertThat(found).as("cut at %s", cut).isEqualTo(expected);
            assertThat(first.state()).isEqualTo(whole.state());
        }
    }

    @Test
    void refusesAStateOfAnotherKind() {
        assertThatThrownBy(() -> LossPlateau.of(new PlateauRule(0.5, 1, 1), new float[4]))
                .hasMessage("state of a plateau: found=4 elements, expected=5");
    }

    @Test
    void onlyAPlateauHasARule() {
        assertThat(PlateauRule.of(phase(ScheduleKind.SCHEDULE_KIND_COSINE, 0.5, 0))).isEmpty();
        assertThat(PlateauRule.of(phase(ScheduleKind.SCHEDULE_KIND_PLATEAU, 0.5, 2)))
                .contains(new PlateauRule(0.5, 2, 7));
    }

    @Test
    void refusesARuleOutOfRange() {
        assertThatThrownBy(() -> new PlateauRule(1, 1, 1))
                .isInstanceOf(MeshException.class)
                .hasMessage("factor of the plateau: found=1.0, expected=in (0, 1)");
        assertThatThrownBy(() -> new PlateauRule(0.5, 0, 1))
                .isInstanceOf(MeshException.class)
                .hasMessage("epochs of the plateau: found=0, expected=1 or more");
    }

    private static PhasePlan phase(ScheduleKind kind, double factor, int epochs) {
        return PhasePlan.newBuilder()
                .setEpochs(7)
                .setSchedule(
                        SchedulePlan.newBuilder()
                                .setKind(kind)
                                .setFactor(factor)
                                .setPlateauEpochs(epochs))
                .build();
    }

    /** Returns the factor behind each step. */
    private static List<Double> add(LossPlateau to, long from, long length, double... losses) {
        List<Double> factors = new ArrayList<>();
        for (int i = 0; i < losses.length; i++) {
            to.add(losses[i], from + i, length);
            factors.add(to.factor());
        }
        return factors;
    }
}
