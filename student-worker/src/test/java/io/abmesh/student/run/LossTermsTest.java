package io.abmesh.student.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.abmesh.nn.loss.LossTerm;
import io.abmesh.nn.loss.StudentOutput;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.plan.LossReads;
import io.abmesh.proto.v1.LossKind;
import io.abmesh.proto.v1.LossPlan;
import io.abmesh.proto.v1.PhasePlan;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class LossTermsTest {
    private static final int TAPS = 3;

    @ParameterizedTest
    @EnumSource(
            mode = EnumSource.Mode.EXCLUDE,
            names = {"LOSS_KIND_UNSPECIFIED", "UNRECOGNIZED"})
    void aTermReadsOfTheStudentWhatItsKindReadsOfTheTeacher(LossKind kind) {
        LossPlan loss = loss(kind);
        LossReads reads = LossReads.of(kind);
        LossTerm term = term(loss);
        List<StudentOutput> outputs = term.reads(TAPS);

        assertThat(outputs.stream().filter(StudentOutput::atTap).map(StudentOutput::tap))
                .isEqualTo(LossReads.taps(loss, TAPS));
        assertThat(term.comparesNeurons()).isEqualTo(reads.neurons());
        assertThat(outputs.contains(StudentOutput.LOGITS)).isEqualTo(reads.classifier());
    }

    @Test
    void aLossOfALaterVersionIsRefusedByItsNumber() {
        assertThatThrownBy(() -> term(LossPlan.newBuilder().setKindValue(77).build()))
                .isInstanceOf(MeshException.class)
                .hasMessage("loss is not known to this version: found=77")
                .extracting(e -> ((MeshException) e).reason())
                .isEqualTo(ErrorReason.INVALID_PLAN);
    }

    private static LossPlan loss(LossKind kind) {
        return LossPlan.newBuilder()
                .setKind(kind)
                .setWeight(1)
                .setMargin(1)
                .setScale(1)
                .setTemperature(1)
                .build();
    }

    private static LossTerm term(LossPlan loss) {
        return LossTerms.of(PhasePlan.newBuilder().addLosses(loss).build(), TAPS).get(0);
    }
}
