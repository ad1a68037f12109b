package io.abmesh.proto.plan;

import io.abmesh.proto.v1.Encoding;
import io.abmesh.proto.v1.LossPlan;
import io.abmesh.proto.v1.PhasePlan;
import io.abmesh.proto.v1.TapPrecision;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * What the losses of a phase read together, and no more.
 *
 * @param taps encoding in which each tap is read, first to last; {@code ENCODING_UNSPECIFIED} for
 *     one that is not read
 * @param logits whether the teacher's logits are read
 * @param labels whether the labels are read
 * @param agreement whether every tap is compared neuron by neuron
 */
public record PhaseReads(List<Encoding> taps, boolean logits, boolean labels, boolean agreement) {
    public PhaseReads {
        taps = List.copyOf(taps);
    }

    /**
     * Returns what a phase reads. A tap that one loss reads the signs of and another the values is
     * read once, as values.
     *
     * @param precision of the values
     * @param tapCount taps of the plan
     */
    public static PhaseReads of(PhasePlan phase, TapPrecision precision, int tapCount) {
        List<Encoding> taps =
                new ArrayList<>(Collections.nCopies(tapCount, Encoding.ENCODING_UNSPECIFIED));
        List<Boolean> neurons = new ArrayList<>(Collections.nCopies(tapCount, false));
        boolean logits = false;
        boolean labels = false;
        for (LossPlan loss : phase.getLossesList()) {
            LossReads reads = LossReads.of(loss.getKind());
            logits |= reads.teacherLogits();
            labels |= reads.labels();
            for (int tap : LossReads.taps(loss, tapCount)) {
                taps.set(tap, wider(taps.get(tap), reads.taps(), precision));
                neurons.set(tap, neurons.get(tap) || reads.neurons());
            }
        }
        return new PhaseReads(
                taps, logits, labels, tapCount > 0 && neurons.stream().allMatch(b -> b));
    }

    private static Encoding wider(Encoding before, LossReads.Taps reads, TapPrecision precision) {
        if (reads == LossReads.Taps.VALUES) {
            return precision == TapPrecision.TAP_PRECISION_FLOAT32
                    ? Encoding.ENCODING_FLOAT32
                    : Encoding.ENCODING_FLOAT16;
        }
        return before == Encoding.ENCODING_UNSPECIFIED ? Encoding.ENCODING_SIGN_BITS : before;
    }
}
