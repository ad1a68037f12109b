package io.abmesh.bench.scale;

import io.abmesh.proto.v1.AssignmentServiceGrpc;
import io.abmesh.proto.v1.CheckpointReport;
import io.abmesh.proto.v1.EvaluationReport;
import io.abmesh.proto.v1.StepReport;
import io.abmesh.proto.v1.StudentJoin;
import io.abmesh.proto.v1.StudentPosition;
import io.abmesh.proto.v1.TrackReport;
import io.abmesh.proto.v1.WorkRequest;
import io.abmesh.proto.v1.WorkResponse;
import io.grpc.Channel;
import io.grpc.stub.StreamObserver;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** A student that computes nothing and answers what it is told at once. */
final class StandInWorker implements StreamObserver<WorkResponse> {
    private static final int PREFETCH = 4;

    private final String name;
    private final AtomicLong messages;
    private @Nullable StreamObserver<WorkRequest> requests;
    private boolean leads;
    private long step;

    /**
     * Makes a worker.
     *
     * @param messages counts what is said about steps, both ways
     */
    StandInWorker(String name, AtomicLong messages) {
        this.name = name;
        this.messages = messages;
    }

    void join(Channel coordinator, String version) {
        StreamObserver<WorkRequest> opened = AssignmentServiceGrpc.newStub(coordinator).work(this);
        synchronized (this) {
            requests = opened;
        }
        say(
                WorkRequest.newBuilder()
                        .setJoin(
                                StudentJoin.newBuilder()
                                        .setWorkerId(name)
                                        .setVersion(version)
                                        .setThreads(1)
                                        .setPlatform("bench")
                                        .setPrefetch(PREFETCH)),
                0);
    }

    @Override
    public synchronized void onNext(WorkResponse message) {
        long epoch = message.getEpoch();
        switch (message.getMessageCase()) {
            case BEGIN ->
                    say(
                            WorkRequest.newBuilder()
                                    .setPosition(
                                            StudentPosition.newBuilder()
                                                    .setRunId(message.getBegin().getRunId())),
                            epoch);
            case ROSTER -> leads = message.getRoster().getOwnIndex() == 0;
            case STEP -> {
                step = message.getStep().getStep();
                messages.incrementAndGet();
                if (leads) {
                    messages.incrementAndGet();
                    say(
                            WorkRequest.newBuilder()
                                    .setStep(
                                            StepReport.newBuilder()
                                                    .setRunId(message.getStep().getRunId())
                                                    .setStep(message.getStep().getStep())
                                                    .setLoss(1)),
                            epoch);
                }
            }
            case EVALUATE ->
                    say(
                            WorkRequest.newBuilder()
                                    .setEvaluation(
                                            EvaluationReport.newBuilder()
                                                    .setEvaluationId(
                                                            message.getEvaluate().getEvaluationId())
                                                    .setSampleCount(1)),
                            epoch);
            case CHECKPOINT ->
                    say(
                            WorkRequest.newBuilder()
                                    .setCheckpoint(CheckpointReport.newBuilder().setStep(step)),
                            epoch);
            case TRACK_END ->
                    say(
                            WorkRequest.newBuilder()
                                    .setTrack(
                                            TrackReport.newBuilder()
                                                    .setTrack(message.getTrackEnd().getTrack())),
                            epoch);
            case ACCEPTED, HEARTBEAT, END, MESSAGE_NOT_SET -> {}
        }
    }

    private synchronized void say(WorkRequest.Builder message, long epoch) {
        if (requests != null) {
            requests.onNext(message.setEpoch(epoch).build());
        }
    }

    @Override
    public void onError(Throwable cause) {
        // The coordinator has stopped: the measurement is over.
    }

    @Override
    public void onCompleted() {
        // Likewise.
    }
}
