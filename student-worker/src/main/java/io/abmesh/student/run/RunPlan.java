package io.abmesh.student.run;

import io.abmesh.nn.network.FeatureShape;
import io.abmesh.nn.network.NetworkException;
import io.abmesh.nn.network.NetworkSpec;
import io.abmesh.nn.network.Networks;
import io.abmesh.nn.training.ConnectorPolicy;
import io.abmesh.nn.training.OptimizerSetup;
import io.abmesh.nn.training.PhaseSetup;
import io.abmesh.nn.training.StudentSetup;
import io.abmesh.nn.training.TapPair;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.plan.PhaseReads;
import io.abmesh.proto.plan.ProbedScale;
import io.abmesh.proto.v1.Encoding;
import io.abmesh.proto.v1.LossKind;
import io.abmesh.proto.v1.PhasePlan;
import io.abmesh.proto.v1.RunBegin;
import io.abmesh.proto.v1.TapDescription;
import io.abmesh.proto.v1.Track;
import io.abmesh.proto.v1.TrackPhase;
import io.abmesh.student.fetch.TensorNeed;
import io.abmesh.student.fetch.TensorNeeds;
import io.abmesh.student.schedule.LearningRates;
import io.abmesh.student.schedule.PlateauRule;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a {@link RunBegin} asks for, in the words of the mathematics: a pure function of the
 * message. Immutable.
 */
final class RunPlan {
    /** Names of tensors in a batch, as the contract states them. */
    static final String IMAGE = "image";

    static final String LABEL = "label";
    static final String LOGITS = "logits";

    private final RunBegin begin;
    private final NetworkSpec network;
    private final List<TapPair> pairs;
    private final List<PlannedTrack> tracks;
    private final TensorNeeds evaluationNeeds;

    private RunPlan(
            RunBegin begin, NetworkSpec network, List<TapPair> pairs, List<PlannedTrack> tracks) {
        this.begin = begin;
        this.network = network;
        this.pairs = pairs;
        this.tracks = tracks;
        this.evaluationNeeds = new TensorNeeds(List.of(image(begin), label()));
    }

    /**
     * Understands the message.
     *
     * @throws MeshException INVALID_PLAN if the network, a loss or a schedule cannot be;
     *     TAP_SHAPE_MISMATCH if student and teacher have different numbers of taps; INVALID_REQUEST
     *     if tracks and phases do not follow each other
     */
    static RunPlan of(RunBegin begin) {
        try {
            NetworkSpec network =
                    Networks.parse(
                            begin.getPlan().getStudent().getNetwork(),
                            FeatureShape.of(begin.getImageShapeList()),
                            begin.getClassCount());
            List<TapPair> pairs = pairs(begin);
            List<PlannedTrack> tracks = new ArrayList<>();
            for (Track track : begin.getTracksList()) {
                tracks.add(track(begin, tracks.size(), track));
            }
            requireInOrder(tracks);
            return new RunPlan(begin, network, pairs, List.copyOf(tracks));
        } catch (NetworkException e) {
            throw new MeshException(
                    ErrorReason.INVALID_PLAN, String.valueOf(e.getMessage()), Map.of(), e);
        }
    }

    RunBegin begin() {
        return begin;
    }

    String runId() {
        return begin.getRunId();
    }

    String planSha256() {
        return begin.getPlanSha256();
    }

    NetworkSpec network() {
        return network;
    }

    /** Equal parts of a step. */
    int microBatches() {
        return Math.max(1, begin.getPlan().getMicroBatches());
    }

    /** Student taps that are compared, first to last. */
    List<String> studentTaps() {
        return pairs.stream().map(TapPair::studentTap).toList();
    }

    List<PlannedTrack> tracks() {
        return tracks;
    }

    TensorNeeds evaluationNeeds() {
        return evaluationNeeds;
    }

    StudentSetup studentSetup(int threads) {
        return new StudentSetup(
                network,
                pairs,
                switch (begin.getPlan().getStudent().getConnector()) {
                    case CONNECTOR_IDENTITY -> ConnectorPolicy.IDENTITY;
                    case CONNECTOR_CONV1X1BN -> ConnectorPolicy.CONV1X1BN;
                    default -> ConnectorPolicy.AUTO;
                },
                begin.getPlan().getSeed(),
                begin.getNormalization().getMeanList(),
                begin.getNormalization().getStdList(),
                mappedClasses(),
                threads);
    }

    /** The phase of a step, counted through the run. */
    Optional<PlannedPhase> phaseOf(long step) {
        return tracks.stream()
                .flatMap(track -> track.phases().stream())
                .filter(phase -> phase.has(step))
                .findFirst();
    }

    private static List<TapPair> pairs(RunBegin begin) {
        List<String> studentTaps = begin.getStudentTapsList();
        List<TapDescription> teacherTaps = begin.getTeacherTapsList();
        if (teacherTaps.size() != studentTaps.size()) {
            throw new MeshException(
                    ErrorReason.TAP_SHAPE_MISMATCH,
                    "student and teacher have different numbers of taps: student="
                            + studentTaps
                            + ", teacher="
                            + teacherTaps.stream().map(TapDescription::getName).toList(),
                    Map.of());
        }
        List<TapPair> pairs = new ArrayList<>();
        for (int i = 0; i < studentTaps.size(); i++) {
            TapDescription teacher = teacherTaps.get(i);
            pairs.add(
                    new TapPair(
                            studentTaps.get(i),
                            teacher.getName(),
                            featureShape(teacher.getSampleShapeList())));
        }
        return List.copyOf(pairs);
    }

    private static PlannedTrack track(RunBegin begin, int index, Track track) {
        List<PlannedPhase> phases = new ArrayList<>();
        for (TrackPhase place : track.getPhasesList()) {
            PhasePlan phase = place.getPhase();
            phases.add(
                    new PlannedPhase(
                            index,
                            phase.getName(),
                            place.getStartStep(),
                            place.getEndStep(),
                            new PhaseSetup(
                                    LossTerms.of(phase, begin.getTeacherTapsCount()),
                                    new OptimizerSetup(
                                            phase.getOptimizer().getMomentum(),
                                            phase.getOptimizer().getWeightDecay())),
                            LearningRates.of(
                                    phase.getOptimizer().getLearningRate(), phase.getSchedule()),
                            PlateauRule.of(phase),
                            ProbedScale.of(phase),
                            needs(begin, phase)));
        }
        return new PlannedTrack(track.getName(), track.getExport(), phases);
    }

    private static TensorNeeds needs(RunBegin begin, PhasePlan phase) {
        List<TapDescription> taps = begin.getTeacherTapsList();
        PhaseReads reads =
                PhaseReads.of(phase, begin.getPlan().getTeacher().getPrecision(), taps.size());
        List<TensorNeed> needs = new ArrayList<>();
        needs.add(image(begin));
        if (reads.labels()) {
            needs.add(label());
        }
        for (int i = 0; i < taps.size(); i++) {
            if (reads.taps().get(i) != Encoding.ENCODING_UNSPECIFIED) {
                needs.add(
                        new TensorNeed(
                                taps.get(i).getName(),
                                reads.taps().get(i),
                                taps.get(i).getSampleShapeList()));
            }
        }
        if (reads.logits()) {
            needs.add(
                    new TensorNeed(
                            LOGITS,
                            Encoding.ENCODING_FLOAT32,
                            List.of((long) teacherClasses(begin))));
        }
        return new TensorNeeds(needs);
    }

    /** Classes of the linear map that a distance of logits reads; 0 if no phase has one. */
    private int mappedClasses() {
        boolean maps =
                begin.getPlan().getPhasesList().stream()
                        .flatMap(phase -> phase.getLossesList().stream())
                        .anyMatch(l -> l.getKind() == LossKind.LOSS_KIND_CENTERED_LOGITS);
        return maps ? teacherClasses(begin) : 0;
    }

    /** A coordinator of an earlier version leaves them out, as they are the data's then. */
    private static int teacherClasses(RunBegin begin) {
        return begin.getTeacherClassCount() > 0
                ? begin.getTeacherClassCount()
                : begin.getClassCount();
    }

    private static TensorNeed image(RunBegin begin) {
        return new TensorNeed(IMAGE, Encoding.ENCODING_UINT8, begin.getImageShapeList());
    }

    private static TensorNeed label() {
        return new TensorNeed(LABEL, Encoding.ENCODING_INT32, List.of());
    }

    /** A dense tap {@code [D]} is a map of one position. */
    private static FeatureShape featureShape(List<Long> sampleShape) {
        return sampleShape.size() == 1
                ? new FeatureShape(Math.toIntExact(sampleShape.get(0)), 1, 1)
                : FeatureShape.of(sampleShape);
    }

    private static void requireInOrder(List<PlannedTrack> tracks) {
        long next = 0;
        for (PlannedTrack track : tracks) {
            if (track.phases().isEmpty()) {
                throw invalid("track has no phase: track=" + track.name());
            }
            for (PlannedPhase phase : track.phases()) {
                if (phase.startStep() < next || phase.endStep() <= phase.startStep()) {
                    throw invalid(
                            "phase is out of order: track="
                                    + track.name()
                                    + ", phase="
                                    + phase.name()
                                    + ", found=["
                                    + phase.startStep()
                                    + ", "
                                    + phase.endStep()
                                    + "), expected start at or after="
                                    + next);
                }
                next = phase.endStep();
            }
        }
        if (tracks.isEmpty()) {
            throw invalid("run has no track");
        }
    }

    private static MeshException invalid(String message) {
        return new MeshException(ErrorReason.INVALID_REQUEST, message);
    }
}
