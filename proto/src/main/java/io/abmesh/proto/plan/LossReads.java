package io.abmesh.proto.plan;

import io.abmesh.proto.v1.LossKind;
import io.abmesh.proto.v1.LossPlan;
import java.util.List;
import java.util.stream.IntStream;

/**
 * What a kind of loss reads besides the image: the one place that says so.
 *
 * @param taps what it reads of the teacher's taps
 * @param neurons whether it compares teacher and student neuron by neuron, so that their agreement
 *     is known
 * @param places whether it compares places of feature maps, which dense taps do not have
 * @param teacherLogits whether it reads the teacher's logits
 * @param labels whether it reads the labels
 * @param classifier whether it trains the student's classifier
 */
public record LossReads(
        Taps taps,
        boolean neurons,
        boolean places,
        boolean teacherLogits,
        boolean labels,
        boolean classifier) {
    /** What a loss reads of the teacher's taps. */
    public enum Taps {
        /** Nothing. */
        NONE,
        /** On which side of the boundary a neuron is: one bit. */
        SIGNS,
        /** The responses. */
        VALUES
    }

    /** Returns what a kind reads; nothing if it is none that this version knows. */
    public static LossReads of(LossKind kind) {
        return switch (kind) {
            case LOSS_KIND_BOUNDARY -> new LossReads(Taps.SIGNS, true, false, false, false, false);
            case LOSS_KIND_L1, LOSS_KIND_L2, LOSS_KIND_FIT_NET, LOSS_KIND_OFD ->
                    new LossReads(Taps.VALUES, true, false, false, false, false);
            case LOSS_KIND_ATTENTION, LOSS_KIND_FSP ->
                    new LossReads(Taps.VALUES, false, true, false, false, false);
            case LOSS_KIND_KD, LOSS_KIND_DIST ->
                    new LossReads(Taps.NONE, false, false, true, false, true);
            case LOSS_KIND_DKD -> new LossReads(Taps.NONE, false, false, true, true, true);
            case LOSS_KIND_CENTERED_LOGITS ->
                    new LossReads(Taps.NONE, false, false, true, false, false);
            case LOSS_KIND_CROSS_ENTROPY ->
                    new LossReads(Taps.NONE, false, false, false, true, true);
            case LOSS_KIND_UNSPECIFIED, UNRECOGNIZED ->
                    new LossReads(Taps.NONE, false, false, false, false, false);
        };
    }

    /** Returns whether it reads anything of a teacher. */
    public boolean teacher() {
        return taps != Taps.NONE || teacherLogits;
    }

    /**
     * Returns the taps that a loss compares, counted from 0, ascending: those it names, else the
     * middle one for a hint, else all.
     *
     * @param tapCount taps of the plan
     */
    public static List<Integer> taps(LossPlan loss, int tapCount) {
        if (of(loss.getKind()).taps() == Taps.NONE) {
            return List.of();
        }
        if (loss.getTapsCount() > 0) {
            return loss.getTapsList().stream().map(number -> number - 1).toList();
        }
        if (loss.getKind() == LossKind.LOSS_KIND_FIT_NET) {
            return tapCount == 0 ? List.of() : List.of((tapCount - 1) / 2);
        }
        return IntStream.range(0, tapCount).boxed().toList();
    }
}
