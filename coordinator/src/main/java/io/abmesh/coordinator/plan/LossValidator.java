package io.abmesh.coordinator.plan;

import io.abmesh.proto.plan.LossReads;
import io.abmesh.proto.v1.LossKind;
import io.abmesh.proto.v1.LossPlan;
import io.abmesh.proto.v1.Reduction;
import io.abmesh.proto.v1.Responses;

/** What one term of a loss must hold by itself: its numbers are in range, and of its kind. */
final class LossValidator {
    /** Takes note of a requirement. */
    interface Requirements {
        /** Adds a problem with what was found at a path unless it holds. */
        void require(boolean holds, String path, Object found, String expected);
    }

    private final LossPlan loss;
    private final LossKind kind;
    private final String path;
    private final Requirements requirements;

    LossValidator(LossPlan loss, String path, Requirements requirements) {
        this.loss = loss;
        this.kind = loss.getKind();
        this.path = path;
        this.requirements = requirements;
    }

    void validate() {
        positive("weight", loss.getWeight());
        of("margin", loss.getMargin(), kind == LossKind.LOSS_KIND_BOUNDARY);
        reduction();
        boolean atTaps = LossReads.of(kind).taps() != LossReads.Taps.NONE;
        if (loss.getScaleAuto()) {
            require(
                    kind == LossKind.LOSS_KIND_BOUNDARY
                            && loss.getReduction() == Reduction.REDUCTION_MEAN,
                    "scaleAuto",
                    true,
                    "false unless kind is boundary and reduction is mean");
            require(loss.getScale() == 0, "scale", loss.getScale(), "nothing beside scaleAuto");
        } else if (loss.getReduction() == Reduction.REDUCTION_AUTHORS) {
            require(
                    kind != LossKind.LOSS_KIND_BOUNDARY || loss.getScale() == 0,
                    "scale",
                    loss.getScale(),
                    "nothing with reduction: authors, which has its own");
        } else {
            boolean centered = kind == LossKind.LOSS_KIND_CENTERED_LOGITS;
            of("scale", loss.getScale(), atTaps || centered);
        }
        boolean dkd = kind == LossKind.LOSS_KIND_DKD;
        boolean dist = kind == LossKind.LOSS_KIND_DIST;
        boolean kd = kind == LossKind.LOSS_KIND_KD;
        of("temperature", loss.getTemperature(), kd || dkd || dist);
        flag("temperatureSquared", loss.getTemperatureSquared(), kd);
        flag("standardized", loss.getStandardized(), kd || dkd);
        weights(
                "targetWeight",
                loss.getTargetWeight(),
                "nonTargetWeight",
                loss.getNonTargetWeight(),
                dkd);
        weights("interWeight", loss.getInterWeight(), "intraWeight", loss.getIntraWeight(), dist);
        smoothing();
        responses();
        taps(atTaps);
    }

    private void reduction() {
        require(
                kind == LossKind.LOSS_KIND_BOUNDARY
                        || loss.getReduction() == Reduction.REDUCTION_UNSPECIFIED,
                "reduction",
                PlanNames.yamlName(loss.getReduction().getValueDescriptor()),
                nothing());
    }

    private void smoothing() {
        double smoothing = loss.getLabelSmoothing();
        if (kind == LossKind.LOSS_KIND_CROSS_ENTROPY) {
            require(
                    smoothing >= 0 && smoothing < 1,
                    "labelSmoothing",
                    smoothing,
                    "0 or more, less than 1");
        } else {
            require(smoothing == 0, "labelSmoothing", smoothing, nothing());
        }
    }

    private void responses() {
        boolean compares =
                switch (kind) {
                    case LOSS_KIND_L1,
                            LOSS_KIND_L2,
                            LOSS_KIND_FIT_NET,
                            LOSS_KIND_ATTENTION,
                            LOSS_KIND_FSP ->
                            true;
                    default -> false;
                };
        require(
                compares || loss.getResponses() == Responses.RESPONSES_UNSPECIFIED,
                "responses",
                PlanNames.yamlName(loss.getResponses().getValueDescriptor()),
                nothing());
    }

    private void taps(boolean atTaps) {
        require(atTaps || loss.getTapsCount() == 0, "taps", loss.getTapsList(), nothing());
        int before = 0;
        for (int i = 0; atTaps && i < loss.getTapsCount(); i++) {
            int tap = loss.getTaps(i);
            require(tap > before, "taps[" + i + "]", tap, "ascending, 1 for the first");
            before = tap;
        }
        require(
                kind != LossKind.LOSS_KIND_FSP || loss.getTapsCount() != 1,
                "taps",
                loss.getTapsList(),
                "two or more");
    }

    private void weights(String one, double first, String other, double second, boolean has) {
        if (!has) {
            require(first == 0, one, first, nothing());
            require(second == 0, other, second, nothing());
            return;
        }
        require(first >= 0 && Double.isFinite(first), one, first, "0 or more");
        require(second >= 0 && Double.isFinite(second), other, second, "0 or more");
        require(first + second > 0, other, second, "more than 0 if " + one + " is 0");
    }

    private void flag(String key, boolean value, boolean has) {
        require(has || !value, key, value, nothing());
    }

    private void of(String key, double value, boolean has) {
        if (has) {
            positive(key, value);
        } else {
            require(value == 0, key, value, nothing());
        }
    }

    private void positive(String key, double value) {
        require(value > 0 && Double.isFinite(value), key, value, "more than 0");
    }

    private String nothing() {
        return "nothing for " + PlanNames.yamlName(kind.getValueDescriptor());
    }

    private void require(boolean holds, String key, Object found, String expected) {
        requirements.require(holds, path + "." + key, found, expected);
    }
}
