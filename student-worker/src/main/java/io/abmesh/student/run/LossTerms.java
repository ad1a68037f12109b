package io.abmesh.student.run;

import io.abmesh.nn.loss.AttentionLoss;
import io.abmesh.nn.loss.BoundaryLoss;
import io.abmesh.nn.loss.CenteredLogitsLoss;
import io.abmesh.nn.loss.CrossEntropyLoss;
import io.abmesh.nn.loss.DecoupledLoss;
import io.abmesh.nn.loss.DistanceLoss;
import io.abmesh.nn.loss.DistanceLoss.Norm;
import io.abmesh.nn.loss.DistillationLoss;
import io.abmesh.nn.loss.FlowLoss;
import io.abmesh.nn.loss.LossTerm;
import io.abmesh.nn.loss.OverhaulLoss;
import io.abmesh.nn.loss.Reduction;
import io.abmesh.nn.loss.RelationLoss;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.plan.LossReads;
import io.abmesh.proto.v1.LossPlan;
import io.abmesh.proto.v1.PhasePlan;
import io.abmesh.proto.v1.Responses;
import java.util.List;
import java.util.Map;

/** Losses of a plan in the words of the mathematics. */
final class LossTerms {
    private LossTerms() {}

    /**
     * Returns the terms of a phase, in its order.
     *
     * @param tapCount taps of the plan
     * @throws MeshException INVALID_PLAN for a loss of a later version
     */
    static List<LossTerm> of(PhasePlan phase, int tapCount) {
        return phase.getLossesList().stream().map(loss -> term(loss, tapCount)).toList();
    }

    private static LossTerm term(LossPlan loss, int tapCount) {
        double weight = loss.getWeight();
        double scale = loss.getScale();
        boolean rectified = loss.getResponses() != Responses.RESPONSES_RAW;
        List<Integer> taps = LossReads.taps(loss, tapCount);
        return switch (loss.getKind()) {
            case LOSS_KIND_BOUNDARY ->
                    new BoundaryLoss(
                            weight,
                            loss.getMargin(),
                            switch (loss.getReduction()) {
                                case REDUCTION_AUTHORS -> Reduction.AUTHORS;
                                default -> Reduction.MEAN;
                            },
                            scale,
                            taps);
            case LOSS_KIND_L1 -> new DistanceLoss(weight, Norm.L1, rectified, scale, taps);
            case LOSS_KIND_L2, LOSS_KIND_FIT_NET ->
                    new DistanceLoss(weight, Norm.L2, rectified, scale, taps);
            case LOSS_KIND_OFD -> new OverhaulLoss(weight, scale, taps);
            case LOSS_KIND_ATTENTION -> new AttentionLoss(weight, rectified, scale, taps);
            case LOSS_KIND_FSP -> new FlowLoss(weight, rectified, scale, taps);
            case LOSS_KIND_KD ->
                    new DistillationLoss(
                            weight,
                            loss.getTemperature(),
                            loss.getTemperatureSquared(),
                            loss.getStandardized());
            case LOSS_KIND_DKD ->
                    new DecoupledLoss(
                            weight,
                            loss.getTemperature(),
                            loss.getTargetWeight(),
                            loss.getNonTargetWeight(),
                            loss.getStandardized());
            case LOSS_KIND_DIST ->
                    new RelationLoss(
                            weight,
                            loss.getTemperature(),
                            loss.getInterWeight(),
                            loss.getIntraWeight());
            case LOSS_KIND_CENTERED_LOGITS -> new CenteredLogitsLoss(weight, scale);
            case LOSS_KIND_CROSS_ENTROPY -> new CrossEntropyLoss(weight, loss.getLabelSmoothing());
            case LOSS_KIND_UNSPECIFIED, UNRECOGNIZED ->
                    throw new MeshException(
                            ErrorReason.INVALID_PLAN,
                            "loss is not known to this version: found=" + loss.getKindValue(),
                            Map.of("kind", Integer.toString(loss.getKindValue())));
        };
    }
}
