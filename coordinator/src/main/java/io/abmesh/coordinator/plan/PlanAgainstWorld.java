package io.abmesh.coordinator.plan;

import io.abmesh.data.image.ImageDataset;
import io.abmesh.data.schedule.BatchSchedule;
import io.abmesh.proto.plan.LossReads;
import io.abmesh.proto.plan.PhaseReads;
import io.abmesh.proto.plan.ProbedScale;
import io.abmesh.proto.v1.Connector;
import io.abmesh.proto.v1.DescribeTeacherResponse;
import io.abmesh.proto.v1.LossKind;
import io.abmesh.proto.v1.LossPlan;
import io.abmesh.proto.v1.Normalization;
import io.abmesh.proto.v1.PhasePlan;
import io.abmesh.proto.v1.Plan;
import io.abmesh.proto.v1.TapDescription;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Holds a plan against its data set and its teacher, before anything is trained. */
public final class PlanAgainstWorld {
    private final Plan plan;
    private final PlanSource source;
    private final DataFacts data;
    private final List<PlanProblem> problems = new ArrayList<>();

    private PlanAgainstWorld(CompletePlan complete, DataFacts data) {
        this.plan = complete.plan();
        this.source = complete.source();
        this.data = data;
    }

    /** Returns what does not fit the data, subsets included; needs no teacher. */
    public static List<PlanProblem> check(CompletePlan plan, ImageDataset dataset) {
        PlanSubsets subsets = PlanSubsets.tryChoose(plan, dataset);
        List<PlanProblem> problems = new ArrayList<>(subsets.problems());
        problems.addAll(check(plan, subsets.facts(dataset)));
        return List.copyOf(problems);
    }

    /** Returns what does not fit the data; needs no teacher. */
    public static List<PlanProblem> check(CompletePlan plan, DataFacts data) {
        PlanAgainstWorld world = new PlanAgainstWorld(plan, data);
        world.lossesAtTaps(world.studentTaps());
        world.sizes();
        return List.copyOf(world.problems);
    }

    /**
     * Pairs the taps.
     *
     * @param teacher absent when the plan has none
     * @throws io.abmesh.proto.error.MeshException with {@code INVALID_PLAN} and every problem
     */
    public static PlanMatch match(
            CompletePlan plan, DataFacts data, @Nullable DescribeTeacherResponse teacher) {
        PlanAgainstWorld world = new PlanAgainstWorld(plan, data);
        world.sizes();
        List<StudentTap> student = world.studentTaps();
        PlanMatch match = PlanMatch.NONE;
        if (teacher != null) {
            world.classes(teacher);
            if (plan.plan().getPhasesList().stream().anyMatch(PlanNeeds::taps)) {
                match = world.pairs(student, world.teacherTaps(teacher));
                world.lossesAtTaps(match.studentTaps());
            }
            world.agreements(match.studentTaps().size());
        }
        if (!world.problems.isEmpty()) {
            throw PlanProblem.exception(world.problems);
        }
        return match;
    }

    private void sizes() {
        if (data.testCount() < 1) {
            problem("data.test", "split is empty: found=0 images, min=1");
        }
        if (data.trainCount() < 1) {
            problem("data.train", "split is empty: found=0 images, min=1");
        } else if (plan.getBatch() > data.trainCount()) {
            problem(
                    "batch",
                    "batch is larger than the data: found="
                            + plan.getBatch()
                            + ", max="
                            + data.trainCount()
                            + " training images");
        }
        probes();
        standardized();
        int crop = plan.getData().getAugmentation().getCrop();
        int side = Math.min(data.shape().height(), data.shape().width());
        if (crop >= side) {
            problem(
                    "data.augmentation.crop",
                    "crop is not smaller than the image: found="
                            + crop
                            + ", image="
                            + data.shape());
        }
        if (plan.getData().hasNormalization()) {
            normalization("data.normalization", plan.getData().getNormalization());
        }
        if (plan.hasTeacher() && plan.getTeacher().hasNormalization()) {
            normalization("teacher.normalization", plan.getTeacher().getNormalization());
        }
    }

    private void probes() {
        for (int i = 0; i < plan.getPhasesCount() && data.trainCount() > 0; i++) {
            long steps =
                    BatchSchedule.steps(
                            plan.getPhases(i).getEpochs(), data.trainCount(), plan.getBatch());
            if (ProbedScale.of(plan.getPhases(i)) && steps < ProbedScale.SHORTEST_PHASE) {
                problem(
                        "phases[" + i + "].epochs",
                        "phase is too short for scale: auto: found="
                                + steps
                                + " steps, min="
                                + ProbedScale.SHORTEST_PHASE);
            }
        }
    }

    /** Two logits with mean 0 and standard deviation 1 are the same two numbers in every sample. */
    private void standardized() {
        for (int i = 0; i < plan.getPhasesCount() && data.classCount() < 3; i++) {
            for (int j = 0; j < plan.getPhases(i).getLossesCount(); j++) {
                if (plan.getPhases(i).getLosses(j).getStandardized()) {
                    problem(
                            "phases[" + i + "].losses[" + j + "].standardized",
                            "standardized logits of so few classes are all alike: found="
                                    + data.classCount()
                                    + " classes, min=3");
                }
            }
        }
    }

    private void normalization(String path, Normalization normalization) {
        int channels = data.shape().channels();
        channelValues(path + ".mean", normalization.getMeanList(), channels);
        channelValues(path + ".std", normalization.getStdList(), channels);
        if (!normalization.getMeanList().stream().allMatch(Float::isFinite)) {
            problem(
                    path + ".mean",
                    "found=" + normalization.getMeanList() + ", expected=finite numbers");
        }
        if (!normalization.getStdList().stream().allMatch(PlanAgainstWorld::divides)) {
            problem(
                    path + ".std",
                    "found="
                            + normalization.getStdList()
                            + ", expected=positive finite numbers, and 1/std finite");
        }
    }

    private static boolean divides(float std) {
        return std > 0 && Float.isFinite(std) && Float.isFinite(1 / std);
    }

    private void channelValues(String path, List<Float> values, int channels) {
        if (values.size() != channels) {
            problem(
                    path,
                    "found="
                            + values.size()
                            + " values, expected=one for each of "
                            + channels
                            + " channels");
        }
    }

    private List<StudentTap> studentTaps() {
        StudentGeometry geometry;
        try {
            geometry = StudentGeometry.of(plan.getStudent().getNetwork(), data.shape());
        } catch (IllegalArgumentException e) {
            problem("student.network", String.valueOf(e.getMessage()));
            return List.of();
        }
        if (plan.getStudent().getTapsCount() == 0) {
            return geometry.taps();
        }
        List<String> known = geometry.taps().stream().map(StudentTap::name).toList();
        List<StudentTap> chosen = new ArrayList<>();
        for (int i = 0; i < plan.getStudent().getTapsCount(); i++) {
            String name = plan.getStudent().getTaps(i);
            int index = known.indexOf(name);
            if (index < 0) {
                problem(
                        "student.taps[" + i + "]",
                        "student has no such tap: found="
                                + name
                                + ", near="
                                + NearNames.of(name, known));
            } else {
                chosen.add(geometry.taps().get(index));
            }
        }
        return chosen;
    }

    private void classes(DescribeTeacherResponse teacher) {
        boolean logits = plan.getPhasesList().stream().anyMatch(PlanNeeds::logits);
        boolean same = plan.getPhasesList().stream().anyMatch(PlanNeeds::logitsOfClasses);
        if (logits && teacher.getClassCount() < 2) {
            problem(
                    "teacher.model",
                    "teacher has no logits: found="
                            + (teacher.getClassCount() == 0
                                    ? "no [N, classes] output"
                                    : "one class")
                            + ", expected="
                            + (same ? data.classCount() + " classes" : "2 classes or more")
                            + " for "
                            + String.join(", ", kindsOfLogits()));
        } else if (same && teacher.getClassCount() != data.classCount()) {
            problem(
                    "teacher.model",
                    "class counts differ: teacher="
                            + teacher.getClassCount()
                            + ", data="
                            + data.classCount()
                            + "; only centeredLogits compares other classes");
        }
    }

    private List<String> kindsOfLogits() {
        return plan.getPhasesList().stream()
                .flatMap(phase -> phase.getLossesList().stream())
                .map(LossPlan::getKind)
                .filter(kind -> LossReads.of(kind).teacherLogits())
                .distinct()
                .map(kind -> PlanNames.yamlName(kind.getValueDescriptor()))
                .toList();
    }

    private void lossesAtTaps(List<StudentTap> student) {
        if (student.isEmpty()) {
            return;
        }
        for (int i = 0; i < plan.getPhasesCount(); i++) {
            for (int j = 0; j < plan.getPhases(i).getLossesCount(); j++) {
                LossPlan loss = plan.getPhases(i).getLosses(j);
                String path = "phases[" + i + "].losses[" + j + "]";
                if (tapNumbers(loss, path, student.size())) {
                    places(loss, path, student);
                    flow(loss, path, student);
                }
            }
        }
    }

    /** What ends a phase or chooses a scale by the agreement at every tap is told it. */
    private void agreements(int tapCount) {
        for (int i = 0; i < plan.getPhasesCount() && problems.isEmpty(); i++) {
            PhasePlan phase = plan.getPhases(i);
            boolean needed = ProbedScale.of(phase) || PlanNeeds.mayEndEarly(phase);
            PhaseReads reads = PhaseReads.of(phase, plan.getTeacher().getPrecision(), tapCount);
            if (needed && !reads.agreement()) {
                problem(
                        "phases[" + i + "].losses",
                        "until and scale: auto read the agreement at every tap: found=losses that"
                                + " compare some, expected=each of "
                                + tapCount
                                + " taps compared neuron by neuron");
            }
        }
    }

    /** Taps that a loss names are taps of the student. */
    private boolean tapNumbers(LossPlan loss, String path, int tapCount) {
        boolean known = true;
        for (int k = 0; k < loss.getTapsCount(); k++) {
            if (loss.getTaps(k) > tapCount) {
                problem(
                        path + ".taps[" + k + "]",
                        "student has no such tap: found="
                                + loss.getTaps(k)
                                + ", expected=1 to "
                                + tapCount);
                known = false;
            }
        }
        return known;
    }

    /** A loss between each tap and the next has a next. */
    private void flow(LossPlan loss, String path, List<StudentTap> student) {
        if (loss.getKind() == LossKind.LOSS_KIND_FSP && student.size() < 2) {
            problem(
                    path + ".kind",
                    "fsp compares each tap with the next: found=" + student + ", min=2 taps");
        }
    }

    /** A loss that compares places has feature maps to compare. */
    private void places(LossPlan loss, String path, List<StudentTap> student) {
        if (!LossReads.of(loss.getKind()).places()) {
            return;
        }
        LossReads.taps(loss, student.size()).stream()
                .map(student::get)
                .filter(StudentTap::dense)
                .findFirst()
                .ifPresent(
                        tap ->
                                problem(
                                        path + ".kind",
                                        PlanNames.yamlName(loss.getKind().getValueDescriptor())
                                                + " compares places and a dense tap has none: found="
                                                + tap
                                                + ", expected=taps [C, H, W]"));
    }

    private boolean teacherChooses() {
        return plan.getTeacher().getTapsList().equals(List.of(PlanDefaults.TAPS));
    }

    private List<TapDescription> teacherTaps(DescribeTeacherResponse teacher) {
        List<String> names =
                teacherChooses() ? teacher.getAutoTapsList() : plan.getTeacher().getTapsList();
        List<TapDescription> taps = new ArrayList<>();
        for (int i = 0; i < names.size(); i++) {
            String name = names.get(i);
            Optional<TapDescription> found =
                    teacher.getTapsList().stream()
                            .filter(t -> t.getName().equals(name) || t.getTensor().equals(name))
                            .findFirst();
            if (found.isPresent()) {
                taps.add(found.get());
            } else {
                List<String> known =
                        teacher.getTapsList().stream().map(TapDescription::getName).toList();
                problem(
                        "teacher.taps[" + i + "]",
                        "teacher has no such tap: found="
                                + name
                                + ", near="
                                + NearNames.of(name, known));
            }
        }
        return taps;
    }

    private PlanMatch pairs(List<StudentTap> student, List<TapDescription> teacher) {
        if (!problems.isEmpty()) {
            return PlanMatch.NONE;
        }
        PlanMatch match = new PlanMatch(teacher, student, List.of());
        if (student.size() != teacher.size()) {
            boolean named = plan.getStudent().getTapsCount() > 0 || !teacherChooses();
            match = named ? PlanMatch.NONE : PlanMatch.bySize(teacher, student);
            if (match.studentTaps().isEmpty()) {
                problem(
                        "teacher.taps",
                        "taps do not pair up: teacher="
                                + teacher.stream().map(PlanMatch::text).toList()
                                + ", student="
                                + student
                                + ", expected=as many of both, of equal sizes, in teacher.taps and student.taps");
            }
        }
        for (int i = 0; i < match.studentTaps().size(); i++) {
            pair(i, match.studentTaps().get(i), match.teacherTaps().get(i));
        }
        return match;
    }

    private void pair(int index, StudentTap student, TapDescription teacher) {
        List<Long> shape = teacher.getSampleShapeList();
        String both = "student " + student + ", teacher " + PlanMatch.text(teacher);
        boolean dense =
                shape.size() == 1 || (shape.size() == 3 && shape.get(1) * shape.get(2) == 1);
        String path = "teacher.taps[" + index + "]";
        if (dense != student.dense() && !shape.isEmpty()) {
            problem(
                    path,
                    "a spatial and a dense tap do not pair: "
                            + both
                            + ", expected=both [C, H, W] or both [D]");
        } else if (!dense
                && (shape.size() != 3
                        || shape.get(1) != student.height()
                        || shape.get(2) != student.width())) {
            problem(path, "taps have different spatial sizes: " + both);
        } else if (plan.getStudent().getConnector() == Connector.CONNECTOR_IDENTITY
                && shape.get(0) != student.channels()) {
            problem(
                    "student.connector",
                    "identity connector between different channel counts: " + both);
        }
    }

    private void problem(String path, String message) {
        problems.add(source.problem(path, message));
    }
}
