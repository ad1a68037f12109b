package io.abmesh.coordinator.page;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.protobuf.Timestamp;
import com.google.protobuf.util.Durations;
import com.google.protobuf.util.Timestamps;
import io.abmesh.coordinator.plan.PlanNames;
import io.abmesh.coordinator.plan.TrackPlanner;
import io.abmesh.coordinator.run.MeshState;
import io.abmesh.coordinator.run.RunRates;
import io.abmesh.coordinator.run.RunRecord;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.Delivery;
import io.abmesh.proto.v1.Evaluated;
import io.abmesh.proto.v1.PhaseEnded;
import io.abmesh.proto.v1.PhaseStarted;
import io.abmesh.proto.v1.Plan;
import io.abmesh.proto.v1.RosterFormed;
import io.abmesh.proto.v1.Run;
import io.abmesh.proto.v1.RunEvent;
import io.abmesh.proto.v1.StepCommitted;
import io.abmesh.proto.v1.TrackEnded;

/**
 * What the page is told, as JSON. Times are milliseconds since 1970. A value that is not finite is
 * {@code null}.
 */
final class PageJson {
    private static final ObjectMapper JSON = new ObjectMapper();

    private PageJson() {}

    static ObjectNode object() {
        return JSON.createObjectNode();
    }

    static ArrayNode array() {
        return JSON.createArrayNode();
    }

    /** Returns a line of the list of runs. */
    static ObjectNode summary(RunRecord record) {
        Run run = record.snapshot();
        Plan plan = record.folder().plan().plan();
        ObjectNode json =
                object().put("id", run.getRunId())
                        .put("name", run.getPlanName())
                        .put("state", state(run))
                        .put("track", run.getTrack())
                        .put("phase", run.getPhase())
                        .put("steps", run.getCommittedStep() + 1)
                        .put("totalSteps", run.getTotalSteps())
                        .put("batch", plan.getBatch())
                        .put("seed", plan.getSeed())
                        .put("planSha256", run.getPlanSha256())
                        .put(
                                "ownTrack",
                                plan.hasTeacher()
                                        ? TrackPlanner.DISTILLED
                                        : TrackPlanner.SUPERVISED)
                        .put("submitted", millis(run.getSubmitTime()));
        if (run.hasEndTime()) {
            json.put("ended", millis(run.getEndTime()));
        }
        if (run.hasFailure()) {
            json.put("failure", run.getFailure().getMessage());
        }
        if (run.hasDelivery()) {
            delivery(json.putObject("delivery"), run.getDelivery());
        }
        ObjectNode accuracy = json.putObject("accuracy");
        record.accuracies().forEach((track, value) -> number(accuracy, track, value));
        return json;
    }

    private static void delivery(ObjectNode json, Delivery delivery) {
        json.put("location", delivery.getLocation()).put("delivered", delivery.getDelivered());
        if (delivery.hasFailure()) {
            MeshException failure = ErrorStatuses.fromStatus(delivery.getFailure());
            json.put("reason", failure.reason().name()).put("failure", failure.getMessage());
        }
    }

    private static String state(Run run) {
        return PlanNames.yamlName(run.getState().getValueDescriptor());
    }

    /** Returns the phases and curves of a run, and from which event on they are to be added to. */
    static ObjectNode curves(RunTrace trace) {
        ObjectNode json = object().put("next", trace.next());
        ArrayNode phases = json.putArray("phases");
        trace.phases().forEach(phase -> phases.add(phase(phase, trace.plan())));
        ObjectNode tracks = json.putObject("epochsPerStep");
        for (PhaseStarted phase : trace.phases()) {
            trace.epochsPerStep(phase.getTrack())
                    .ifPresent(ratio -> tracks.put(phase.getTrack(), ratio));
        }
        ArrayNode series = json.putArray("series");
        trace.curves().forEach((of, curve) -> series.add(curve(of, curve)));
        return json;
    }

    private static ObjectNode curve(RunTrace.Series of, Curve curve) {
        ObjectNode json =
                object().put("measure", of.measure().word())
                        .put("track", of.track())
                        .put("phase", of.phase())
                        .put("name", of.name())
                        .put("width", curve.width());
        ArrayNode step = json.putArray("step");
        ArrayNode mean = json.putArray("mean");
        for (int i = 0; i < curve.size(); i++) {
            step.add(curve.step(i));
            mean.add((float) curve.mean(i));
        }
        if (curve.width() > 1) {
            ArrayNode low = json.putArray("low");
            ArrayNode high = json.putArray("high");
            for (int i = 0; i < curve.size(); i++) {
                low.add(curve.low(i));
                high.add(curve.high(i));
            }
        }
        return json;
    }

    /** Returns an event. */
    static ObjectNode event(RunEvent event, Plan plan) {
        ObjectNode json =
                object().put("number", event.getNumber()).put("time", millis(event.getTime()));
        switch (event.getEventCase()) {
            case PHASE_STARTED -> json.set("phaseStarted", phase(event.getPhaseStarted(), plan));
            case STEP_COMMITTED -> step(json.putObject("step"), event.getStepCommitted());
            case EVALUATED -> evaluated(json.putObject("evaluated"), event.getEvaluated());
            case PHASE_ENDED -> ended(json.putObject("phaseEnded"), event.getPhaseEnded());
            case NOTICE ->
                    json.putObject("notice")
                            .put("reason", event.getNotice().getReason())
                            .put("message", event.getNotice().getMessage());
            case RUN_ENDED ->
                    json.putObject("runEnded")
                            .put(
                                    "state",
                                    PlanNames.yamlName(
                                            event.getRunEnded().getState().getValueDescriptor()))
                            .put("failure", event.getRunEnded().getFailure().getMessage());
            case TRACK_ENDED -> {
                TrackEnded track = event.getTrackEnded();
                json.putObject("trackEnded")
                        .put("track", track.getTrack())
                        .put("parametersSha256", track.getParametersSha256())
                        .put("onnxBytes", track.getOnnxBytes());
            }
            case ROSTER_FORMED -> {
                RosterFormed roster = event.getRosterFormed();
                ObjectNode formed =
                        json.putObject("roster")
                                .put("epoch", roster.getEpoch())
                                .put("nextStep", roster.getNextStep());
                roster.getWorkerIdsList().forEach(formed.putArray("students")::add);
            }
            case EVENT_NOT_SET -> {}
        }
        return json;
    }

    private static ObjectNode phase(PhaseStarted phase, Plan plan) {
        ObjectNode json =
                object().put("track", phase.getTrack())
                        .put("phase", phase.getPhase())
                        .put("startStep", phase.getStartStep())
                        .put("endStep", phase.getEndStep());
        phase.getTapsList().forEach(json.putArray("taps")::add);
        TermNames.of(plan, phase.getTrack(), phase.getPhase()).forEach(json.putArray("terms")::add);
        return json;
    }

    private static void step(ObjectNode json, StepCommitted step) {
        json.put("step", step.getStep());
        number(json, "loss", step.getLoss());
        numbers(json.putArray("terms"), step.getTermsList());
        numbers(json.putArray("agreement"), step.getAgreementList());
        number(json, "learningRate", step.getLearningRate());
        number(json, "imagesPerSecond", step.getImagesPerSecond());
    }

    private static void evaluated(ObjectNode json, Evaluated evaluated) {
        json.put("track", evaluated.getTrack()).put("step", evaluated.getStep());
        number(json, "epoch", evaluated.getEpoch());
        number(json, "accuracy", evaluated.getAccuracy());
        number(json, "crossEntropy", evaluated.getCrossEntropy());
    }

    private static void ended(ObjectNode json, PhaseEnded ended) {
        json.put("track", ended.getTrack())
                .put("phase", ended.getPhase())
                .put("steps", ended.getStepCount())
                .put("seconds", Durations.toMillis(ended.getDuration()) / 1e3);
        number(json, "loss", ended.getLoss());
        number(json, "imagesPerSecond", ended.getImagesPerSecond());
        numbers(json.putArray("agreement"), ended.getAgreementList());
    }

    /** Returns who is there. */
    static ObjectNode mesh(MeshState mesh) {
        ObjectNode json = object();
        ArrayNode works = json.putArray("work");
        mesh.work().forEach(work -> work(works.addObject(), work));
        ArrayNode teachers = json.putArray("teachers");
        for (MeshState.Teacher teacher : mesh.teachers()) {
            ObjectNode one =
                    teachers.addObject()
                            .put("id", teacher.workerId())
                            .put("address", teacher.address())
                            .put("creditBytes", teacher.creditBytes())
                            .put("usedBytes", teacher.usedBytes())
                            .put("held", teacher.heldCount())
                            .put("cached", teacher.cachedCount())
                            .put("computed", teacher.computedCount());
            teacher.runId().ifPresent(run -> one.put("run", run));
            number(one, "imagesPerSecond", rounded(teacher.imagesPerSecond()));
        }
        ArrayNode students = json.putArray("students");
        for (MeshState.Student student : mesh.students()) {
            ObjectNode one =
                    students.addObject()
                            .put("id", student.workerId())
                            .put("address", student.address())
                            .put("threads", student.threads())
                            .put("platform", student.platform())
                            .put("leads", student.leads())
                            .put("firstMicroBatch", student.firstMicroBatch())
                            .put("endMicroBatch", student.endMicroBatch());
            student.runId().ifPresent(run -> one.put("run", run));
            number(one, "imagesPerSecond", rounded(student.imagesPerSecond()));
        }
        return json;
    }

    private static void work(ObjectNode json, MeshState.Work work) {
        json.put("run", work.runId())
                .put("epoch", work.epoch())
                .put("stepsUnderWay", work.stepsUnderWay())
                .put("waitingMicroBatches", work.waitingMicroBatches())
                .put("unanswered", work.unansweredCount());
        work.split().ifPresent(split -> split(json.putObject("split"), split));
    }

    private static void split(ObjectNode json, RunRates.Split split) {
        json.put("waited", rounded(split.waited()))
                .put("computed", rounded(split.computed()))
                .put("exchanged", rounded(split.exchanged()));
    }

    /** Three digits behind the point: what changes less is not worth telling. */
    private static double rounded(double value) {
        return Math.round(value * 1e3) / 1e3;
    }

    private static void numbers(ArrayNode json, Iterable<Double> values) {
        for (double value : values) {
            if (Double.isFinite(value)) {
                json.add(value);
            } else {
                json.addNull();
            }
        }
    }

    private static void number(ObjectNode json, String name, double value) {
        if (Double.isFinite(value)) {
            json.put(name, value);
        } else {
            json.putNull(name);
        }
    }

    private static long millis(Timestamp time) {
        return Timestamps.toMillis(time);
    }

    /** Returns a page of the list of runs. */
    static ObjectNode page(RunQuery.Answer answer) {
        ObjectNode json = object().put("all", answer.all()).put("found", answer.found());
        ArrayNode runs = json.putArray("runs");
        answer.page().forEach(record -> runs.add(summary(record)));
        return json;
    }
}
