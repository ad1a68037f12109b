package io.abmesh.student.run;

import com.google.protobuf.util.Durations;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.AssignmentServiceGrpc;
import io.abmesh.proto.v1.BatchReference;
import io.abmesh.proto.v1.BatchServiceGrpc;
import io.abmesh.proto.v1.CheckpointRequest;
import io.abmesh.proto.v1.EvaluationAssignment;
import io.abmesh.proto.v1.EvaluationReport;
import io.abmesh.proto.v1.FetchBatchRequest;
import io.abmesh.proto.v1.FetchBatchResponse;
import io.abmesh.proto.v1.PublishArtifactRequest;
import io.abmesh.proto.v1.PublishArtifactResponse;
import io.abmesh.proto.v1.RosterMember;
import io.abmesh.proto.v1.RunBegin;
import io.abmesh.proto.v1.RunEnd;
import io.abmesh.proto.v1.RunRoster;
import io.abmesh.proto.v1.StepAssignment;
import io.abmesh.proto.v1.StepReport;
import io.abmesh.proto.v1.StudentPosition;
import io.abmesh.proto.v1.Track;
import io.abmesh.proto.v1.TrackEnd;
import io.abmesh.proto.v1.TrackPhase;
import io.abmesh.proto.v1.TrackReport;
import io.abmesh.proto.v1.WorkAccepted;
import io.abmesh.proto.v1.WorkFailed;
import io.abmesh.proto.v1.WorkRequest;
import io.abmesh.proto.v1.WorkResponse;
import io.grpc.stub.StreamObserver;
import java.io.ByteArrayOutputStream;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;

/**
 * Speaks the coordinator's side of the protocol for one run, with the trouble that it is told to
 * make, and serves the batches of {@link SyntheticTask}.
 */
final class TestingCoordinator extends AssignmentServiceGrpc.AssignmentServiceImplBase {
    static final int BATCH = 16;
    static final int MICRO_BATCHES = 2;
    static final int TEST_BATCHES = 2;
    static final int TEST_BATCH = 48;

    private final RunBegin begin;
    private final int checkpointEvery;
    private final Map<Long, StepReport> steps = new TreeMap<>();
    private final List<EvaluationReport> evaluations = new ArrayList<>();
    private final Map<String, TrackReport> tracks = new HashMap<>();
    private final List<StudentPosition> positions = new ArrayList<>();
    private final Map<String, byte[]> artifacts = new HashMap<>();
    private final CompletableFuture<Void> finished = new CompletableFuture<>();
    private final CompletableFuture<WorkFailed> failure = new CompletableFuture<>();
    private final CompletableFuture<Void> left = new CompletableFuture<>();
    private final Deque<WorkResponse> script = new ArrayDeque<>();
    private final Set<Long> assigned = new HashSet<>();
    private final Set<Long> lostBatches = new HashSet<>();
    private final Set<Long> withheldBatches = new HashSet<>();
    private final Map<Long, CompletableFuture<Void>> reached = new HashMap<>();
    private long breakAfter = -1;
    private boolean replaced;
    private boolean spoilArtifact;
    private long lastStep = Long.MAX_VALUE;
    private int prefetch;
    private int unanswered;
    private long epoch;
    private StreamObserver<WorkResponse> student;

    TestingCoordinator(RunBegin begin, int checkpointEvery) {
        this.begin = begin;
        this.checkpointEvery = checkpointEvery;
    }

    /** Breaks the stream when the report of that step comes, and forgets the report, once. */
    synchronized TestingCoordinator breakingAfter(long step) {
        breakAfter = step;
        return this;
    }

    /** The same, and counts its epochs, which are high, from the beginning then. */
    synchronized TestingCoordinator replacedAfter(long step) {
        epoch = 57;
        replaced = true;
        return breakingAfter(step);
    }

    /** Has lost the batches of that step when they are fetched, and assigns them anew. */
    synchronized TestingCoordinator losing(long step) {
        lostBatches.add(step);
        return this;
    }

    /** Has nothing of that step until the student gives it up. */
    synchronized TestingCoordinator withholding(long step) {
        withheldBatches.add(step);
        return this;
    }

    /** Gets another file than was sent, once. */
    synchronized TestingCoordinator spoilingAnArtifact() {
        spoilArtifact = true;
        return this;
    }

    /** Assigns no step after that one. */
    synchronized TestingCoordinator pausingAfter(long step) {
        lastStep = step;
        return this;
    }

    /** Assigns steps again. */
    void goOn() {
        goOnTo(Long.MAX_VALUE);
    }

    /** Assigns steps again, and none after that one. */
    synchronized void goOnTo(long step) {
        lastStep = step;
        pump();
    }

    /** Begins a new epoch. */
    synchronized void beginAgain() {
        epoch++;
        say(WorkResponse.newBuilder().setBegin(begin));
    }

    /** Completes when that step is reported. */
    synchronized CompletableFuture<Void> reached(long step) {
        CompletableFuture<Void> future =
                reached.computeIfAbsent(step, ignored -> new CompletableFuture<>());
        if (steps.containsKey(step)) {
            future.complete(null);
        }
        return future;
    }

    CompletableFuture<Void> finished() {
        return finished;
    }

    /** Completes when the student has left. */
    CompletableFuture<Void> left() {
        return left;
    }

    CompletableFuture<WorkFailed> failure() {
        return failure;
    }

    synchronized Map<Long, StepReport> steps() {
        return new TreeMap<>(steps);
    }

    synchronized List<EvaluationReport> evaluations() {
        return List.copyOf(evaluations);
    }

    synchronized Map<String, TrackReport> tracks() {
        return Map.copyOf(tracks);
    }

    synchronized List<StudentPosition> positions() {
        return List.copyOf(positions);
    }

    synchronized Map<String, byte[]> artifacts() {
        return Map.copyOf(artifacts);
    }

    @Override
    public StreamObserver<WorkRequest> work(StreamObserver<WorkResponse> responses) {
        return new StreamObserver<>() {
            @Override
            public void onNext(WorkRequest request) {
                heard(responses, request);
            }

            @Override
            public void onError(Throwable cause) {
                gone(responses);
            }

            @Override
            public void onCompleted() {
                gone(responses);
                responses.onCompleted();
                left.complete(null);
            }
        };
    }

    @Override
    public StreamObserver<PublishArtifactRequest> publishArtifact(
            StreamObserver<PublishArtifactResponse> response) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        StringBuilder name = new StringBuilder();
        return new StreamObserver<>() {
            @Override
            public void onNext(PublishArtifactRequest request) {
                if (request.hasHeader()) {
                    name.append(request.getHeader().getName());
                } else {
                    bytes.writeBytes(request.getChunk().toByteArray());
                }
            }

            @Override
            public void onError(Throwable cause) {
                // Nothing was stored.
            }

            @Override
            public void onCompleted() {
                if (spoils()) {
                    response.onError(
                            ErrorStatuses.toException(
                                    new MeshException(ErrorReason.CHECKSUM_MISMATCH, "spoilt")));
                    return;
                }
                stored(name.toString(), bytes.toByteArray());
                response.onNext(PublishArtifactResponse.getDefaultInstance());
                response.onCompleted();
            }
        };
    }

    /** The service that holds the batches. */
    BatchServiceGrpc.BatchServiceImplBase batches() {
        return new BatchServiceGrpc.BatchServiceImplBase() {
            @Override
            public void fetchBatch(
                    FetchBatchRequest request, StreamObserver<FetchBatchResponse> response) {
                String[] id = request.getBatchId().split("/", -1);
                if (id[0].equals("first") && lose(Long.parseLong(id[1]))) {
                    response.onError(
                            ErrorStatuses.toException(
                                    new MeshException(ErrorReason.BATCH_NOT_FOUND, "gone")));
                    return;
                }
                boolean test = id[0].equals("test");
                int samples = test ? TEST_BATCH : BATCH / MICRO_BATCHES;
                long number = Long.parseLong(id[1]);
                long part = Long.parseLong(id[2]);
                long first =
                        test ? 1_000_000 + number * TEST_BATCH : number * BATCH + part * samples;
                SyntheticTask.frames(request.getBatchId(), first, samples, request.getTensorsList())
                        .forEach(response::onNext);
                response.onCompleted();
            }
        };
    }

    private synchronized boolean spoils() {
        boolean spoils = spoilArtifact;
        spoilArtifact = false;
        return spoils;
    }

    private synchronized void stored(String name, byte[] bytes) {
        artifacts.put(name, bytes);
    }

    private synchronized boolean lose(long step) {
        if (withheldBatches.contains(step)) {
            return true;
        }
        if (!lostBatches.contains(step)) {
            return false;
        }
        say(WorkResponse.newBuilder().setStep(assignment(step, "second")));
        return true;
    }

    private synchronized void gone(StreamObserver<WorkResponse> responses) {
        if (student == responses) {
            student = null;
        }
    }

    private synchronized void heard(StreamObserver<WorkResponse> from, WorkRequest request) {
        if (request.hasJoin()) {
            student = from;
            epoch++;
            prefetch = request.getJoin().getPrefetch();
            say(
                    WorkResponse.newBuilder()
                            .setAccepted(
                                    WorkAccepted.newBuilder()
                                            .setLeaseDuration(Durations.fromSeconds(30))));
            say(WorkResponse.newBuilder().setBegin(begin));
            return;
        }
        if (from != student || request.getEpoch() != epoch) {
            return;
        }
        switch (request.getMessageCase()) {
            case POSITION -> position(request.getPosition());
            case STEP -> step(request.getStep());
            case EVALUATION -> {
                evaluations.add(request.getEvaluation());
                answered();
            }
            case CHECKPOINT -> answered();
            case TRACK -> {
                tracks.put(request.getTrack().getTrack(), request.getTrack());
                answered();
            }
            case INTERRUPTED -> {
                withheldBatches.remove(request.getInterrupted().getStep());
                beginAgain();
            }
            case FAILED -> failure.complete(request.getFailed());
            default -> {
                // A heartbeat.
            }
        }
    }

    private void position(StudentPosition position) {
        positions.add(position);
        say(
                WorkResponse.newBuilder()
                        .setRoster(
                                RunRoster.newBuilder()
                                        .setRunId(begin.getRunId())
                                        .addMembers(
                                                RosterMember.newBuilder()
                                                        .setWorkerId("student-0")
                                                        .setEndMicroBatch(MICRO_BATCHES))
                                        .setNextStep(position.getNextStep())
                                        .setStateSha256(position.getStateSha256())));
        unanswered = 0;
        assigned.clear();
        script.clear();
        for (Track track : begin.getTracksList()) {
            for (TrackPhase phase : track.getPhasesList()) {
                for (long step = phase.getStartStep(); step < phase.getEndStep(); step++) {
                    if (step < position.getNextStep()) {
                        script.clear();
                        continue;
                    }
                    script.add(
                            WorkResponse.newBuilder().setStep(assignment(step, "first")).build());
                    if ((step + 1) % checkpointEvery == 0) {
                        script.add(checkpoint());
                    }
                }
            }
            script.add(WorkResponse.newBuilder().setEvaluate(evaluation(track)).build());
            script.add(
                    WorkResponse.newBuilder()
                            .setTrackEnd(
                                    TrackEnd.newBuilder()
                                            .setRunId(begin.getRunId())
                                            .setTrack(track.getName()))
                            .build());
        }
        pump();
    }

    private void step(StepReport report) {
        steps.put(report.getStep(), report);
        if (report.getStep() == breakAfter) {
            breakAfter = -1;
            steps.remove(report.getStep());
            if (replaced) {
                epoch = 0;
            }
            StreamObserver<WorkResponse> broken = student;
            student = null;
            broken.onError(
                    ErrorStatuses.toException(
                            new MeshException(ErrorReason.TRANSPORT_UNAVAILABLE, "cable cut")));
            return;
        }
        CompletableFuture<Void> waiting = reached.get(report.getStep());
        if (waiting != null) {
            waiting.complete(null);
        }
        // A report that is repeated after a new stream answers nothing of that stream.
        if (assigned.remove(report.getStep())) {
            answered();
        }
    }

    private void answered() {
        unanswered = Math.max(0, unanswered - 1);
        pump();
    }

    private void pump() {
        while (unanswered < prefetch && !script.isEmpty()) {
            WorkResponse next = script.element();
            if (next.hasStep() && next.getStep().getStep() > lastStep) {
                return;
            }
            script.remove();
            unanswered++;
            if (next.hasStep()) {
                assigned.add(next.getStep().getStep());
            }
            say(next.toBuilder());
        }
        if (script.isEmpty() && unanswered == 0) {
            say(WorkResponse.newBuilder().setEnd(RunEnd.newBuilder().setRunId(begin.getRunId())));
            finished.complete(null);
        }
    }

    private void say(WorkResponse.Builder message) {
        if (student != null) {
            student.onNext(message.setEpoch(epoch).build());
        }
    }

    private WorkResponse checkpoint() {
        return WorkResponse.newBuilder()
                .setCheckpoint(CheckpointRequest.newBuilder().setRunId(begin.getRunId()))
                .build();
    }

    private StepAssignment assignment(long step, String attempt) {
        StepAssignment.Builder assignment =
                StepAssignment.newBuilder().setRunId(begin.getRunId()).setStep(step);
        for (int i = 0; i < MICRO_BATCHES; i++) {
            assignment.addMicroBatches(
                    reference(attempt + "/" + step + "/" + i, BATCH / MICRO_BATCHES));
        }
        return assignment.build();
    }

    private EvaluationAssignment evaluation(Track track) {
        EvaluationAssignment.Builder assignment =
                EvaluationAssignment.newBuilder()
                        .setRunId(begin.getRunId())
                        .setEvaluationId(begin.getTracksList().indexOf(track));
        for (int i = 0; i < TEST_BATCHES; i++) {
            assignment.addBatches(reference("test/" + i + "/0", TEST_BATCH));
        }
        return assignment.build();
    }

    private static BatchReference reference(String batchId, int samples) {
        return BatchReference.newBuilder()
                .setBatchId(batchId)
                .setAddress("in-process:1")
                .setSampleCount(samples)
                .build();
    }
}
