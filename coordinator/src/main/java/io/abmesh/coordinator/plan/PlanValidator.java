package io.abmesh.coordinator.plan;

import io.abmesh.objects.ObjectAddress;
import io.abmesh.objects.ObjectException;
import io.abmesh.proto.plan.LossReads;
import io.abmesh.proto.plan.ProbedScale;
import io.abmesh.proto.v1.AugmentationPlan;
import io.abmesh.proto.v1.LossKind;
import io.abmesh.proto.v1.LossPlan;
import io.abmesh.proto.v1.OptimizerPlan;
import io.abmesh.proto.v1.PhasePlan;
import io.abmesh.proto.v1.Plan;
import io.abmesh.proto.v1.ScheduleKind;
import io.abmesh.proto.v1.SchedulePlan;
import io.abmesh.proto.v1.SplitPlan;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** What a plan must hold by itself, whatever its data and teacher turn out to be. */
final class PlanValidator {
    private static final int MAX_BATCH = 65_536;
    private static final double MAX_EPOCHS = 1e6;

    /** A browser, and whatever else reads JSON numbers as doubles, keeps no greater one exactly. */
    private static final long MAX_SEED = (1L << 53) - 1;

    private final Plan plan;
    private final PlanSource source;
    private final List<PlanProblem> problems;
    private final List<String> warnings = new ArrayList<>();

    PlanValidator(Plan plan, PlanSource source, List<PlanProblem> problems) {
        this.plan = plan;
        this.source = source;
        this.problems = problems;
    }

    /** Adds problems and returns warnings. */
    List<String> validate() {
        require(
                plan.getName().matches("[A-Za-z0-9][A-Za-z0-9.-]{0,62}"),
                "name",
                plan.getName(),
                "letters, digits, - and ., up to 63");
        seed("seed", plan.getSeed());
        location("data.location", plan.getData().getLocation());
        split(plan.getData().getTrain(), "data.train");
        split(plan.getData().getTest(), "data.test");
        augmentation(plan.getData().getAugmentation());
        teacher();
        String network = StudentGeometry.problemWithName(plan.getStudent().getNetwork());
        if (!network.isEmpty()) {
            problem("student.network", network);
        }
        require(
                plan.getBatch() >= 2 && plan.getBatch() <= MAX_BATCH,
                "batch",
                plan.getBatch(),
                "2 to " + MAX_BATCH);
        require(plan.getMicroBatches() >= 1, "microBatches", plan.getMicroBatches(), "1 or more");
        if (plan.getMicroBatches() >= 1 && plan.getBatch() >= 2) {
            require(
                    plan.getBatch() % plan.getMicroBatches() == 0,
                    "microBatches",
                    plan.getMicroBatches(),
                    "a divisor of batch=" + plan.getBatch());
            require(
                    plan.getBatch() / plan.getMicroBatches() >= 2,
                    "microBatches",
                    plan.getMicroBatches(),
                    "at least 2 samples in each of batch=" + plan.getBatch());
        }
        require(
                plan.getEvaluateEveryEpochs() >= 0,
                "evaluateEveryEpochs",
                plan.getEvaluateEveryEpochs(),
                "0 or more");
        require(
                plan.getCheckpointEverySteps() >= 0,
                "checkpointEverySteps",
                plan.getCheckpointEverySteps(),
                "0 or more");
        phases();
        return warnings;
    }

    private void seed(String path, long seed) {
        require(
                seed >= -MAX_SEED && seed <= MAX_SEED,
                path,
                seed,
                -MAX_SEED + " to " + MAX_SEED + ", that JSON keeps exactly");
    }

    private void split(SplitPlan split, String path) {
        seed(path + ".seed", split.getSeed());
        require(split.getImages() >= 0, path + ".images", split.getImages(), "0 or more");
        require(
                split.getFraction() > 0 && split.getFraction() <= 1,
                path + ".fraction",
                split.getFraction(),
                "more than 0, at most 1");
    }

    private void augmentation(AugmentationPlan augmentation) {
        String path = "data.augmentation";
        require(
                augmentation.getCrop() >= 0 && augmentation.getCrop() <= 64,
                path + ".crop",
                augmentation.getCrop(),
                "0 to 64");
        require(
                augmentation.getVariants() >= 0,
                path + ".variants",
                augmentation.getVariants(),
                "0 or more");
    }

    private void teacher() {
        if (!plan.hasTeacher()) {
            if (plan.getCompare().getCrossEntropy() || plan.getCompare().getLastPhaseOnly()) {
                problem(
                        "compare",
                        "found=a comparison without a teacher, expected=a plan with teacher");
            }
            return;
        }
        location("teacher.model", plan.getTeacher().getModel());
        List<String> taps = plan.getTeacher().getTapsList();
        for (int i = 0; i < taps.size(); i++) {
            require(!taps.get(i).isBlank(), "teacher.taps[" + i + "]", "nothing", "a tap's name");
            require(
                    !taps.get(i).equals(PlanDefaults.TAPS) || taps.size() == 1,
                    "teacher.taps[" + i + "]",
                    "auto beside other taps",
                    "auto alone, or names");
        }
        String sha256 = plan.getTeacher().getSha256();
        require(
                sha256.isEmpty() || sha256.matches("[0-9a-f]{64}"),
                "teacher.sha256",
                sha256,
                "64 lower-case hex digits");
        boolean used = plan.getPhasesList().stream().anyMatch(PlanNeeds::teacher);
        if (!used && plan.getPhasesCount() > 0) {
            warnings.add("no phase uses the teacher");
        }
    }

    private void phases() {
        require(plan.getPhasesCount() > 0, "phases", "none", "one or more");
        Set<String> names = new HashSet<>();
        for (int i = 0; i < plan.getPhasesCount(); i++) {
            PhasePlan phase = plan.getPhases(i);
            String path = "phases[" + i + "]";
            require(
                    phase.getName().matches("[A-Za-z0-9][A-Za-z0-9.-]{0,62}"),
                    path + ".name",
                    phase.getName(),
                    "letters, digits, - and .");
            require(
                    names.add(phase.getName()),
                    path + ".name",
                    phase.getName(),
                    "a name of its own");
            require(
                    phase.getEpochs() > 0 && phase.getEpochs() <= MAX_EPOCHS,
                    path + ".epochs",
                    phase.getEpochs(),
                    "more than 0, at most 1,000,000");
            losses(phase, path);
            probe(phase, i, path);
            optimizer(phase.getOptimizer(), path + ".optimizer");
            schedule(phase.getSchedule(), path + ".schedule");
            until(phase, path + ".until");
            neverInTime(phase, path);
        }
    }

    private void until(PhasePlan phase, String path) {
        int plateau = phase.getUntil().getPlateauEpochs();
        double agreement = phase.getUntil().getAgreement();
        require(plateau >= 0, path + ".plateauEpochs", plateau, "0 or more");
        require(agreement >= 0 && agreement <= 1, path + ".agreement", agreement, "0 to 1");
        boolean known = PlanNeeds.neurons(phase);
        String expected = "0 in a phase that does not compare taps neuron by neuron";
        require(plateau == 0 || known, path + ".plateauEpochs", plateau, expected);
        require(agreement == 0 || known, path + ".agreement", agreement, expected);
    }

    /** The first epoch is the one that the others are compared with, and the last ends anyway. */
    private void neverInTime(PhasePlan phase, String path) {
        double epochs = phase.getEpochs();
        int rate = phase.getSchedule().getPlateauEpochs();
        if (rate > 0 && epochs <= rate + 1.0) {
            warnings.add(late(path + ".schedule.plateauEpochs", rate, epochs, "rate never falls"));
        }
        int end = phase.getUntil().getPlateauEpochs();
        if (end > 0 && epochs <= end + 1.0) {
            warnings.add(
                    late(path + ".until.plateauEpochs", end, epochs, "phase never ends early"));
        }
        double agreement = phase.getUntil().getAgreement();
        if (agreement > 0 && epochs <= 1) {
            warnings.add(
                    late(path + ".until.agreement", agreement, epochs, "phase never ends early"));
        }
    }

    private static String late(String path, Object found, double epochs, String what) {
        return path + "=" + found + ": " + what + " within its epochs=" + epochs;
    }

    /** A scale is found from the initial weights, by losses and agreements that jump meanwhile. */
    private void probe(PhasePlan phase, int index, String path) {
        if (!ProbedScale.of(phase)) {
            return;
        }
        for (int i = 0; i < phase.getLossesCount(); i++) {
            if (phase.getLosses(i).getScaleAuto()) {
                String at = path + ".losses[" + i + "].scaleAuto";
                require(index == 0, at, true, "false but in the first phase");
            }
        }
        require(
                phase.getSchedule().getKind() != ScheduleKind.SCHEDULE_KIND_PLATEAU,
                path + ".schedule.kind",
                "plateau",
                "another one beside scale: auto");
        require(
                !PlanNeeds.mayEndEarly(phase),
                path + ".until",
                "an early end",
                "nothing beside scale: auto");
    }

    private void losses(PhasePlan phase, String path) {
        require(phase.getLossesCount() > 0, path + ".losses", "none", "one or more");
        Set<LossKind> kinds = new HashSet<>();
        for (int i = 0; i < phase.getLossesCount(); i++) {
            LossPlan loss = phase.getLosses(i);
            String at = path + ".losses[" + i + "]";
            if (loss.getKind() == LossKind.LOSS_KIND_UNSPECIFIED) {
                if (!source.wrote(at + ".kind")) {
                    problem(
                            at + ".kind",
                            "found=nothing, expected="
                                    + PlanNames.yamlNames(LossKind.getDescriptor()));
                }
                continue;
            }
            require(
                    kinds.add(loss.getKind()),
                    at + ".kind",
                    PlanNames.yamlName(loss.getKind().getValueDescriptor()),
                    "each kind once");
            if (!plan.hasTeacher() && LossReads.of(loss.getKind()).teacher()) {
                problem(
                        at + ".kind",
                        "found="
                                + PlanNames.yamlName(loss.getKind().getValueDescriptor())
                                + ", expected=crossEntropy in a plan without teacher");
            }
            new LossValidator(loss, at, this::require).validate();
        }
    }

    private void optimizer(OptimizerPlan optimizer, String path) {
        require(
                optimizer.getLearningRate() > 0 && Double.isFinite(optimizer.getLearningRate()),
                path + ".learningRate",
                optimizer.getLearningRate(),
                "more than 0");
        require(
                optimizer.getMomentum() >= 0 && optimizer.getMomentum() < 1,
                path + ".momentum",
                optimizer.getMomentum(),
                "0 or more, less than 1");
        require(
                optimizer.getWeightDecay() >= 0 && optimizer.getWeightDecay() < 1,
                path + ".weightDecay",
                optimizer.getWeightDecay(),
                "0 or more, less than 1");
    }

    private void schedule(SchedulePlan schedule, String path) {
        boolean oneCycle = schedule.getKind() == ScheduleKind.SCHEDULE_KIND_ONE_CYCLE;
        require(
                oneCycle
                        ? schedule.getWarmUp() == 0
                        : schedule.getWarmUp() >= 0 && schedule.getWarmUp() < 1,
                path + ".warmUp",
                schedule.getWarmUp(),
                oneCycle ? "0 with oneCycle, which has its own" : "0 or more, less than 1");
        boolean steps = schedule.getKind() == ScheduleKind.SCHEDULE_KIND_STEPS;
        boolean plateau = schedule.getKind() == ScheduleKind.SCHEDULE_KIND_PLATEAU;
        require(
                plateau ? schedule.getPlateauEpochs() > 0 : schedule.getPlateauEpochs() == 0,
                path + ".plateauEpochs",
                schedule.getPlateauEpochs(),
                plateau ? "more than 0" : "nothing unless kind is plateau");
        if (steps || plateau) {
            require(
                    schedule.getFactor() > 0 && schedule.getFactor() < 1,
                    path + ".factor",
                    schedule.getFactor(),
                    "between 0 and 1");
        } else {
            require(
                    schedule.getFactor() == 0,
                    path + ".factor",
                    schedule.getFactor(),
                    "nothing unless kind is steps or plateau");
        }
        if (!steps) {
            require(
                    schedule.getAtCount() == 0,
                    path + ".at",
                    schedule.getAtList(),
                    "nothing unless kind is steps");
            return;
        }
        require(
                schedule.getAtCount() > 0,
                path + ".at",
                schedule.getAtList(),
                "one share or more; the same rate throughout is kind: constant");
        double before = 0;
        for (int i = 0; i < schedule.getAtCount(); i++) {
            double at = schedule.getAt(i);
            require(
                    at > before && at < 1,
                    path + ".at[" + i + "]",
                    at,
                    "ascending, between 0 and 1");
            before = at;
        }
    }

    private void location(String path, String location) {
        require(
                !location.isBlank(),
                path,
                "nothing",
                "builtin:fashion-mnist, a path or s3://BUCKET/KEY");
        if (ObjectAddress.isMeantBy(location)) {
            try {
                ObjectAddress unused = ObjectAddress.parse(location);
            } catch (ObjectException e) {
                problem(path, String.valueOf(e.getMessage()));
            }
        }
    }

    private void require(boolean holds, String path, Object found, String expected) {
        if (!holds) {
            problem(
                    path,
                    "found="
                            + (found.toString().isEmpty() ? "nothing" : found)
                            + ", expected="
                            + expected);
        }
    }

    private void problem(String path, String message) {
        boolean told = problems.stream().anyMatch(p -> p.path().equals(path));
        if (!told) {
            problems.add(source.problem(path, message));
        }
    }
}
