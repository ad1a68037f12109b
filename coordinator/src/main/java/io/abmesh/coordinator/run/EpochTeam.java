package io.abmesh.coordinator.run;

import io.abmesh.coordinator.worker.StudentSession;
import io.abmesh.proto.v1.BatchReference;
import io.abmesh.proto.v1.CheckpointRequest;
import io.abmesh.proto.v1.EvaluationAssignment;
import io.abmesh.proto.v1.StepAssignment;
import io.abmesh.proto.v1.TrackEnd;
import io.abmesh.proto.v1.WorkResponse;
import java.util.List;

/**
 * The students that work together in one membership epoch, and how they are told what to do. On the
 * coordinator's loop.
 *
 * @param runId run that they work for
 * @param epoch number of the epoch, which every message has
 * @param roster who computes what, the leader first; at least one
 * @param prefetch assignments that every student takes unanswered
 */
record EpochTeam(String runId, long epoch, List<StudentGroup.Place> roster, int prefetch) {
    EpochTeam {
        roster = List.copyOf(roster);
    }

    /** Tells everybody to train its part of a step of which every micro-batch is there. */
    void train(long step, FedStep work) {
        roster.forEach(place -> train(step, work, place));
    }

    /** Tells whoever computes a micro-batch to fetch its part of a step again, if all is there. */
    void trainAgain(long step, FedStep work, int microBatch) {
        roster.stream()
                .filter(place -> place.share().has(microBatch))
                .forEach(place -> train(step, work, place));
    }

    private void train(long step, FedStep work, StudentGroup.Place place) {
        work.part(place.share())
                .ifPresent(
                        part ->
                                tell(
                                        place.student(),
                                        WorkResponse.newBuilder()
                                                .setStep(
                                                        StepAssignment.newBuilder()
                                                                .setRunId(runId)
                                                                .setStep(step)
                                                                .setTraceParent(work.traceParent())
                                                                .addAllMicroBatches(part))));
    }

    /** Tells the leader to measure accuracy behind a step. */
    void evaluate(long step, List<BatchReference> batches) {
        tellLeader(
                WorkResponse.newBuilder()
                        .setEvaluate(
                                EvaluationAssignment.newBuilder()
                                        .setRunId(runId)
                                        .setEvaluationId(step)
                                        .addAllBatches(batches)));
    }

    /** Tells the leader to publish a checkpoint. */
    void writeCheckpoint() {
        tellLeader(
                WorkResponse.newBuilder()
                        .setCheckpoint(CheckpointRequest.newBuilder().setRunId(runId)));
    }

    /** Tells the leader to export what the track has trained. */
    void endTrack(String track) {
        tellLeader(
                WorkResponse.newBuilder()
                        .setTrackEnd(TrackEnd.newBuilder().setRunId(runId).setTrack(track)));
    }

    private void tellLeader(WorkResponse.Builder message) {
        tell(roster.get(0).student(), message);
    }

    private void tell(StudentSession student, WorkResponse.Builder message) {
        student.send(message, epoch);
    }
}
