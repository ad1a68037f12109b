package io.abmesh.proto.plan;

import static io.abmesh.proto.v1.Encoding.ENCODING_FLOAT16;
import static io.abmesh.proto.v1.Encoding.ENCODING_FLOAT32;
import static io.abmesh.proto.v1.Encoding.ENCODING_SIGN_BITS;
import static io.abmesh.proto.v1.Encoding.ENCODING_UNSPECIFIED;
import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.proto.v1.LossKind;
import io.abmesh.proto.v1.LossPlan;
import io.abmesh.proto.v1.PhasePlan;
import io.abmesh.proto.v1.TapPrecision;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class PhaseReadsTest {
    private static final int TAPS = 3;

    @Test
    void boundariesAreOneBitPerNeuronWhateverThePrecision() {
        assertThat(reads(TapPrecision.TAP_PRECISION_FLOAT32, loss(LossKind.LOSS_KIND_BOUNDARY)))
                .isEqualTo(
                        new PhaseReads(
                                List.of(ENCODING_SIGN_BITS, ENCODING_SIGN_BITS, ENCODING_SIGN_BITS),
                                false,
                                false,
                                true));
    }

    @Test
    void aHintReadsTheMiddleTapOnly() {
        assertThat(reads(TapPrecision.TAP_PRECISION_FLOAT32, loss(LossKind.LOSS_KIND_FIT_NET)))
                .isEqualTo(
                        new PhaseReads(
                                List.of(
                                        ENCODING_UNSPECIFIED,
                                        ENCODING_FLOAT32,
                                        ENCODING_UNSPECIFIED),
                                false,
                                false,
                                false));
    }

    @Test
    void aTapReadTwiceIsReadOnceAsValues() {
        for (List<LossPlan> losses :
                List.of(
                        List.of(
                                loss(LossKind.LOSS_KIND_BOUNDARY),
                                loss(LossKind.LOSS_KIND_ATTENTION, 3)),
                        List.of(
                                loss(LossKind.LOSS_KIND_ATTENTION, 3),
                                loss(LossKind.LOSS_KIND_BOUNDARY)))) {
            assertThat(reads(TapPrecision.TAP_PRECISION_FLOAT16, losses.toArray(LossPlan[]::new)))
                    .isEqualTo(
                            new PhaseReads(
                                    List.of(
                                            ENCODING_SIGN_BITS,
                                            ENCODING_SIGN_BITS,
                                            ENCODING_FLOAT16),
                                    false,
                                    false,
                                    true));
        }
    }

    @Test
    void lossesOfLogitsReadNoTap() {
        PhaseReads reads =
                reads(
                        TapPrecision.TAP_PRECISION_FLOAT16,
                        loss(LossKind.LOSS_KIND_KD),
                        loss(LossKind.LOSS_KIND_CROSS_ENTROPY));

        assertThat(reads.taps()).containsOnly(ENCODING_UNSPECIFIED);
        assertThat(reads.logits()).isTrue();
        assertThat(reads.labels()).isTrue();
        assertThat(reads.agreement()).isFalse();
    }

    @Test
    void attentionDoesNotTellTheAgreementOfNeurons() {
        assertThat(
                        reads(
                                        TapPrecision.TAP_PRECISION_FLOAT16,
                                        loss(LossKind.LOSS_KIND_ATTENTION))
                                .agreement())
                .isFalse();
    }

    private static PhaseReads reads(TapPrecision precision, LossPlan... losses) {
        return PhaseReads.of(
                PhasePlan.newBuilder().addAllLosses(Arrays.asList(losses)).build(),
                precision,
                TAPS);
    }

    private static LossPlan loss(LossKind kind, Integer... taps) {
        return LossPlan.newBuilder().setKind(kind).addAllTaps(Arrays.asList(taps)).build();
    }
}
