package io.abmesh.coordinator.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.proto.v1.UntilPlan;
import java.util.List;
import org.junit.jupiter.api.Test;

final class PlateauTest {
    @Test
    void aPhaseWhoseAgreementRisesGoesOn() {
        Plateau plateau = plateau(1);

        assertThat(epoch(plateau, 0.5)).isFalse();
        assertThat(epoch(plateau, 0.6)).isFalse();
        assertThat(epoch(plateau, 0.7)).isFalse();
    }

    @Test
    void itEndsAfterAsManyEpochsWithoutARiseAsThePlanSays() {
        Plateau plateau = plateau(2);

        assertThat(epoch(plateau, 0.5)).isFalse();
        assertThat(epoch(plateau, 0.5)).isFalse();
        assertThat(epoch(plateau, 0.4)).isTrue();
    }

    @Test
    void aRiseStartsTheCountAgain() {
        Plateau plateau = plateau(2);

        assertThat(epoch(plateau, 0.5)).isFalse();
        assertThat(epoch(plateau, 0.5)).isFalse();
        assertThat(epoch(plateau, 0.6)).isFalse();
        assertThat(epoch(plateau, 0.6)).isFalse();
        assertThat(epoch(plateau, 0.6)).isTrue();
    }

    @Test
    void aRiseOfNoMoreThanAThousandthIsNone() {
        Plateau plateau = plateau(1);

        assertThat(epoch(plateau, 0)).isFalse();
        assertThat(epoch(plateau, Plateau.RISE)).isTrue();
        assertThat(epoch(plateau(1), 0.5)).isFalse();
    }

    @Test
    void agreementIsTheMeanOverTapsAndSteps() {
        Plateau plateau = plateau(1);
        plateau.add(List.of(0.2, 0.4));
        plateau.add(List.of(0.6, 0.8));
        assertThat(plateau.endEpoch()).isFalse();

        // 0.5 again; 0.8 if only the last tap or step counted
        plateau.add(List.of(0.1, 0.3));
        plateau.add(List.of(0.8, 0.8));
        assertThat(plateau.endEpoch()).isTrue();
    }

    @Test
    void aPhaseEndsAtTheAgreementThatIsWanted() {
        Plateau plateau = new Plateau(UntilPlan.newBuilder().setAgreement(0.8).build());

        assertThat(epoch(plateau, 0.7)).isFalse();
        assertThat(epoch(plateau, 0.7)).isFalse();
        assertThat(epoch(plateau, 0.8)).isTrue();
    }

    private static Plateau plateau(int epochs) {
        return new Plateau(UntilPlan.newBuilder().setPlateauEpochs(epochs).build());
    }

    private static boolean epoch(Plateau plateau, double agreement) {
        plateau.add(List.of(agreement));
        return plateau.endEpoch();
    }
}
