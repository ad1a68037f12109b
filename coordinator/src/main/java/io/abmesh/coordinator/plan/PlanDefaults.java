package io.abmesh.coordinator.plan;

import io.abmesh.proto.v1.Connector;
import io.abmesh.proto.v1.LossPlan;
import io.abmesh.proto.v1.PhasePlan;
import io.abmesh.proto.v1.Plan;
import io.abmesh.proto.v1.Reduction;
import io.abmesh.proto.v1.Responses;
import io.abmesh.proto.v1.ScheduleKind;
import io.abmesh.proto.v1.SchedulePlan;
import io.abmesh.proto.v1.SplitPlan;
import io.abmesh.proto.v1.TapPrecision;
import java.util.List;

/** Every default of a plan, in this one place. */
public final class PlanDefaults {
    static final long SEED = 1;

    /** Samples of a step: {@value}. */
    public static final int BATCH = 128;

    static final int MICRO_BATCHES = 1;
    static final double FRACTION = 1;
    static final int EVALUATE_EVERY_EPOCHS = 5;
    static final int CHECKPOINT_EVERY_STEPS = 200;
    static final double WEIGHT = 1;
    static final double MARGIN = 1;

    /** That of boundaries and of distances, whose terms are as large at the start. */
    static final double SCALE = 50;

    /**
     * The weight of a hint in the benchmark of Tian et al., Contrastive Representation
     * Distillation.
     */
    static final double HINT_SCALE = 100;

    /** The authors' 1/1000 of the sum over neurons, as a mean, for WRN of width 4: 16.384. */
    static final double OVERHAUL_SCALE = 16;

    /** Beta of the authors' script. */
    static final double ATTENTION_SCALE = 1000;

    static final double FLOW_SCALE = 1;

    /** The factor of transfer to other classes. */
    static final double CENTERED_LOGITS_SCALE = 10;

    static final double TEMPERATURE = 3;

    /** The authors', for CIFAR-100. */
    static final double DKD_TEMPERATURE = 4;

    static final double DKD_TARGET_WEIGHT = 1;
    static final double DKD_NON_TARGET_WEIGHT = 8;
    static final double DIST_TEMPERATURE = 1;
    static final double DIST_WEIGHT = 1;
    static final double LEARNING_RATE = 0.1;
    static final double MOMENTUM = 0.9;
    static final double WEIGHT_DECAY = 5e-4;
    static final List<Double> STEPS_AT = List.of(0.3, 0.6, 0.8);
    static final double SCHEDULE_FACTOR = 0.2;
    static final int SCHEDULE_PLATEAU_EPOCHS = 5;
    static final String TAPS = "auto";

    private final Plan.Builder plan;
    private final PlanSource source;

    private PlanDefaults(Plan.Builder plan, PlanSource source) {
        this.plan = plan;
        this.source = source;
    }

    /** Fills in what the user did not write. */
    static void fill(Plan.Builder plan, PlanSource source) {
        new PlanDefaults(plan, source).fill();
    }

    private void fill() {
        absent("seed", () -> plan.setSeed(SEED));
        absent("batch", () -> plan.setBatch(BATCH));
        absent("microBatches", () -> plan.setMicroBatches(MICRO_BATCHES));
        absent("evaluateEveryEpochs", () -> plan.setEvaluateEveryEpochs(EVALUATE_EVERY_EPOCHS));
        absent("checkpointEverySteps", () -> plan.setCheckpointEverySteps(CHECKPOINT_EVERY_STEPS));
        split(plan.getDataBuilder().getTrainBuilder(), "data.train");
        split(plan.getDataBuilder().getTestBuilder(), "data.test");
        plan.getDataBuilder().getAugmentationBuilder();
        if (plan.hasTeacher()) {
            if (plan.getTeacher().getTapsCount() == 0) {
                plan.getTeacherBuilder().addTaps(TAPS);
            }
            absent("compare.crossEntropy", () -> plan.getCompareBuilder().setCrossEntropy(true));
        }
        boolean values =
                plan.getPhasesList().stream()
                        .flatMap(phase -> phase.getLossesList().stream())
                        .anyMatch(loss -> PlanNeeds.values(loss.getKind()));
        if (plan.hasTeacher() && values) {
            absent(
                    "teacher.precision",
                    () ->
                            plan.getTeacherBuilder()
                                    .setPrecision(TapPrecision.TAP_PRECISION_FLOAT16));
        }
        plan.getCompareBuilder();
        absent(
                "student.connector",
                () -> plan.getStudentBuilder().setConnector(Connector.CONNECTOR_AUTO));
        for (int i = 0; i < plan.getPhasesCount(); i++) {
            phase(plan.getPhasesBuilder(i), "phases[" + i + "]");
        }
    }

    private void split(SplitPlan.Builder split, String path) {
        absent(path + ".fraction", () -> split.setFraction(FRACTION));
        absent(
                path + ".balanced",
                () -> split.setBalanced(split.getImages() > 0 || split.getFraction() < 1));
    }

    private void phase(PhasePlan.Builder phase, String path) {
        for (int i = 0; i < phase.getLossesCount(); i++) {
            loss(phase.getLossesBuilder(i), path + ".losses[" + i + "]");
        }
        String optimizer = path + ".optimizer";
        absent(
                optimizer + ".learningRate",
                () -> phase.getOptimizerBuilder().setLearningRate(LEARNING_RATE));
        absent(optimizer + ".momentum", () -> phase.getOptimizerBuilder().setMomentum(MOMENTUM));
        absent(
                optimizer + ".weightDecay",
                () -> phase.getOptimizerBuilder().setWeightDecay(WEIGHT_DECAY));
        phase.getUntilBuilder();
        SchedulePlan.Builder schedule = phase.getScheduleBuilder();
        absent(
                path + ".schedule.kind",
                () ->
                        schedule.setKind(
                                PlanNeeds.classifier(phase.build())
                                        ? ScheduleKind.SCHEDULE_KIND_STEPS
                                        : ScheduleKind.SCHEDULE_KIND_CONSTANT));
        if (schedule.getKind() == ScheduleKind.SCHEDULE_KIND_STEPS) {
            absent(path + ".schedule.at", () -> schedule.addAllAt(STEPS_AT));
            absent(path + ".schedule.factor", () -> schedule.setFactor(SCHEDULE_FACTOR));
        }
        if (schedule.getKind() == ScheduleKind.SCHEDULE_KIND_PLATEAU) {
            absent(path + ".schedule.factor", () -> schedule.setFactor(SCHEDULE_FACTOR));
            absent(
                    path + ".schedule.plateauEpochs",
                    () -> schedule.setPlateauEpochs(SCHEDULE_PLATEAU_EPOCHS));
        }
    }

    private void loss(LossPlan.Builder loss, String path) {
        absent(path + ".weight", () -> loss.setWeight(WEIGHT));
        switch (loss.getKind()) {
            case LOSS_KIND_BOUNDARY -> {
                absent(path + ".margin", () -> loss.setMargin(MARGIN));
                absent(path + ".reduction", () -> loss.setReduction(Reduction.REDUCTION_MEAN));
                if (loss.getReduction() == Reduction.REDUCTION_MEAN && !loss.getScaleAuto()) {
                    scale(loss, path, SCALE);
                }
            }
            case LOSS_KIND_L1, LOSS_KIND_L2 -> {
                responses(loss, path);
                scale(loss, path, SCALE);
            }
            case LOSS_KIND_FIT_NET -> {
                responses(loss, path);
                scale(loss, path, HINT_SCALE);
            }
            case LOSS_KIND_OFD -> scale(loss, path, OVERHAUL_SCALE);
            case LOSS_KIND_ATTENTION -> {
                responses(loss, path);
                scale(loss, path, ATTENTION_SCALE);
            }
            case LOSS_KIND_FSP -> {
                responses(loss, path);
                scale(loss, path, FLOW_SCALE);
            }
            case LOSS_KIND_KD -> temperature(loss, path, TEMPERATURE);
            case LOSS_KIND_DKD -> {
                temperature(loss, path, DKD_TEMPERATURE);
                absent(path + ".targetWeight", () -> loss.setTargetWeight(DKD_TARGET_WEIGHT));
                absent(
                        path + ".nonTargetWeight",
                        () -> loss.setNonTargetWeight(DKD_NON_TARGET_WEIGHT));
            }
            case LOSS_KIND_DIST -> {
                temperature(loss, path, DIST_TEMPERATURE);
                absent(path + ".interWeight", () -> loss.setInterWeight(DIST_WEIGHT));
                absent(path + ".intraWeight", () -> loss.setIntraWeight(DIST_WEIGHT));
            }
            case LOSS_KIND_CENTERED_LOGITS -> scale(loss, path, CENTERED_LOGITS_SCALE);
            case LOSS_KIND_CROSS_ENTROPY, LOSS_KIND_UNSPECIFIED, UNRECOGNIZED -> {}
        }
    }

    private void scale(LossPlan.Builder loss, String path, double scale) {
        absent(path + ".scale", () -> loss.setScale(scale));
    }

    private void temperature(LossPlan.Builder loss, String path, double temperature) {
        absent(path + ".temperature", () -> loss.setTemperature(temperature));
    }

    private void responses(LossPlan.Builder loss, String path) {
        absent(path + ".responses", () -> loss.setResponses(Responses.RESPONSES_RECTIFIED));
    }

    private void absent(String path, Runnable fill) {
        if (!source.wrote(path)) {
            fill.run();
        }
    }
}
