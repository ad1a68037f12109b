package io.abmesh.coordinator.process;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.protobuf.ByteString;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.frame.BatchFetcher;
import io.abmesh.proto.frame.Tensor;
import io.abmesh.proto.identity.MeshRole;
import io.abmesh.proto.transport.MeshChannels;
import io.abmesh.proto.transport.MeshSecurity;
import io.abmesh.proto.v1.ArtifactHeader;
import io.abmesh.proto.v1.AssignmentServiceGrpc;
import io.abmesh.proto.v1.BatchReference;
import io.abmesh.proto.v1.CheckpointReport;
import io.abmesh.proto.v1.EvaluationAssignment;
import io.abmesh.proto.v1.EvaluationReport;
import io.abmesh.proto.v1.FetchBatchRequest;
import io.abmesh.proto.v1.PublishArtifactRequest;
import io.abmesh.proto.v1.PublishArtifactResponse;
import io.abmesh.proto.v1.RunBegin;
import io.abmesh.proto.v1.RunRoster;
import io.abmesh.proto.v1.StepAssignment;
import io.abmesh.proto.v1.StepInterrupted;
import io.abmesh.proto.v1.StepReport;
import io.abmesh.proto.v1.StudentJoin;
import io.abmesh.proto.v1.StudentPosition;
import io.abmesh.proto.v1.Track;
import io.abmesh.proto.v1.TrackReport;
import io.abmesh.proto.v1.WorkRequest;
import io.abmesh.proto.v1.WorkResponse;
import io.grpc.ManagedChannel;
import io.grpc.stub.StreamObserver;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * A student-worker that speaks the real protocol over loopback. Its parameters are a chain of
 * digests over every tensor that it was given, so that a sample that is left out, repeated or out
 * of order is seen at the end.
 */
final class TestingStudent implements AutoCloseable {
    private static final long DEADLINE_SECONDS = 60;
    private static final int PREFETCH = 2;

    /** Parameters by the step that they were published after; outlives its students. */
    static final class Checkpoints {
        private final ConcurrentSkipListMap<Long, String> saved = new ConcurrentSkipListMap<>();
    }

    /** A place at which a student waits until the test lets it go on. */
    static final class Pause {
        private final CountDownLatch reached = new CountDownLatch(1);
        private final CountDownLatch released = new CountDownLatch(1);

        void awaitReached() throws InterruptedException {
            await(reached);
        }

        void release() {
            released.countDown();
        }

        private void hold() throws InterruptedException {
            reached.countDown();
            await(released);
        }
    }

    /** What it was told and did, in order. */
    final List<String> told = new CopyOnWriteArrayList<>();

    private final String name;
    private final MeshSecurity security;
    private volatile int threads = 1;
    private volatile String platform = "testing";
    private volatile String runRequest = "";
    private final List<RunRoster> rosters = new CopyOnWriteArrayList<>();
    private volatile boolean leads;
    private final Checkpoints checkpoints;
    private final ExecutorService compute = Executors.newSingleThreadExecutor();
    private final Map<String, Pause> pauses = new ConcurrentHashMap<>();
    private final TreeMap<Long, StepReport> reports = new TreeMap<>();
    private final Map<String, ManagedChannel> servers = new HashMap<>();
    private final Map<Long, CountDownLatch> applied = new ConcurrentHashMap<>();
    private volatile boolean muted;
    private final Semaphore asked = new Semaphore(0);
    private final CompletableFuture<MeshException> refused = new CompletableFuture<>();
    private @Nullable RunBegin run;
    private long nextStep;
    private String parameters = "";
    private volatile @Nullable Connection connection;

    TestingStudent(Checkpoints checkpoints) {
        this("student-0", checkpoints);
    }

    TestingStudent(String name, Checkpoints checkpoints) {
        this(name, checkpoints, MeshSecurity.plainText());
    }

    TestingStudent(String name, Checkpoints checkpoints, MeshSecurity security) {
        this.name = name;
        this.security = security;
        this.checkpoints = checkpoints;
    }

    /** Says that it computes with so many threads. */
    TestingStudent withThreads(int count) {
        threads = count;
        return this;
    }

    /** Says that it computes on another platform. */
    TestingStudent withPlatform(String other) {
        platform = other;
        return this;
    }

    /** Says that it is for the run of a request. */
    TestingStudent forRun(String request) {
        runRequest = request;
        return this;
    }

    /** Waits until it has been asked where it stands so many times, by any coordinator. */
    void awaitAsked(int times) throws InterruptedException {
        if (!asked.tryAcquire(times, DEADLINE_SECONDS, TimeUnit.SECONDS)) {
            throw new AssertionError("not asked " + times + " times");
        }
    }

    /** Completes when the coordinator ends its stream. */
    CompletableFuture<MeshException> refused() {
        return refused;
    }

    /** The rosters that it was told, in order. */
    List<RunRoster> rosters() {
        return rosters;
    }

    /** Goes where another one is, as by a copy of its state. */
    private void adopt(RunRoster roster) {
        rosters.add(roster);
        leads = roster.getOwnIndex() == 0;
        nextStep = roster.getNextStep();
    }

    /** Waits before it does what is told so, for example {@code step 3}. */
    Pause pauseBefore(String work) {
        Pause pause = new Pause();
        pauses.put(work, pause);
        return pause;
    }

    /** Waits until a step is applied. */
    void awaitApplied(long step) throws InterruptedException {
        await(applied(step));
    }

    private CountDownLatch applied(long step) {
        return applied.computeIfAbsent(step, s -> new CountDownLatch(1));
    }

    /** Goes on computing steps, but its reports are lost. */
    void mute(boolean lost) {
        muted = lost;
    }

    /** Joins a coordinator. */
    void connect(String coordinator, String version) {
        Connection opened =
                new Connection(
                        MeshChannels.open("student", coordinator, security, MeshRole.COORDINATOR));
        connection = opened;
        opened.open(version);
    }

    /** Loses its stream; what it knows stays. */
    void disconnect() {
        Connection gone = connection;
        if (gone != null) {
            gone.over = true;
            MeshChannels.close(gone.channel, Duration.ZERO);
        }
    }

    /** Says, in the epoch that it is in, that it cannot finish a step. */
    void interrupt(long step, MeshException why) {
        Connection current = connection;
        if (current != null) {
            current.send(
                    WorkRequest.newBuilder()
                            .setInterrupted(
                                    StepInterrupted.newBuilder()
                                            .setStep(step)
                                            .setStatus(ErrorStatuses.toStatus(why))),
                    current.epoch);
        }
    }

    /** Says something in the name of an epoch. */
    void say(WorkRequest.Builder message, long epoch) {
        Connection current = connection;
        if (current != null) {
            current.send(message, epoch);
        }
    }

    /** Dies. */
    @Override
    public void close() {
        disconnect();
        pauses.values().forEach(Pause::release);
        compute.shutdownNow();
    }

    private static void await(CountDownLatch latch) throws InterruptedException {
        if (!latch.await(DEADLINE_SECONDS, TimeUnit.SECONDS)) {
            throw new AssertionError("waited in vain for " + DEADLINE_SECONDS + " s");
        }
    }

    /** One work stream and what was assigned on it. */
    private final class Connection implements StreamObserver<WorkResponse> {
        private final ManagedChannel channel;
        private final CompletableFuture<StreamObserver<WorkRequest>> requests =
                new CompletableFuture<>();
        private final Map<Long, BlockingQueue<StepAssignment>> assigned = new ConcurrentHashMap<>();
        private volatile boolean over;
        private volatile long epoch;

        Connection(ManagedChannel channel) {
            this.channel = channel;
        }

        void open(String version) {
            requests.complete(AssignmentServiceGrpc.newStub(channel).work(this));
            send(
                    WorkRequest.newBuilder()
                            .setJoin(
                                    StudentJoin.newBuilder()
                                            .setWorkerId(name)
                                            .setVersion(version)
                                            .setThreads(threads)
                                            .setPlatform(platform)
                                            .setRunRequestId(runRequest)
                                            .setPrefetch(PREFETCH)),
                    0);
        }

        void send(WorkRequest.Builder message, long of) {
            synchronized (requests) {
                requests.join().onNext(message.setEpoch(of).build());
            }
        }

        @Override
        public void onNext(WorkResponse message) {
            if (message.getEpoch() != 0) {
                epoch = message.getEpoch();
            }
            switch (message.getMessageCase()) {
                case BEGIN -> {
                    asked.release();
                    giveUp();
                    assigned.clear();
                    execute("begin", () -> begin(message.getBegin()));
                }
                case STEP -> assigned(message.getStep());
                case EVALUATE ->
                        execute(
                                "evaluate " + message.getEvaluate().getEvaluationId(),
                                () -> evaluate(message.getEvaluate()));
                case CHECKPOINT -> execute("checkpoint", this::checkpoint);
                case TRACK_END ->
                        execute(
                                "end-track " + message.getTrackEnd().getTrack(),
                                () -> endTrack(message.getTrackEnd().getTrack()));
                case END -> {
                    giveUp();
                    execute("end", () -> {});
                }
                case ROSTER ->
                        compute.execute(
                                () -> {
                                    if (!over) {
                                        adopt(message.getRoster());
                                        tellAgain();
                                    }
                                });
                case ACCEPTED, HEARTBEAT, MESSAGE_NOT_SET -> {}
            }
        }

        @Override
        public void onError(Throwable cause) {
            over = true;
            refused.complete(ErrorStatuses.fromThrowable(cause));
        }

        @Override
        public void onCompleted() {
            over = true;
        }

        /** Whatever waits to be assigned again will not be. */
        private void giveUp() {
            assigned.values().forEach(again -> again.add(StepAssignment.getDefaultInstance()));
        }

        private interface Work {
            void run() throws InterruptedException;
        }

        private void execute(String name, Work work) {
            long of = epoch;
            compute.execute(
                    () -> {
                        try {
                            Pause pause = pauses.remove(name);
                            if (pause != null && !over) {
                                pause.hold();
                            }
                            if (!over && of == epoch) {
                                told.add(name);
                                work.run();
                            }
                        } catch (InterruptedException e) {
                            Thread.currentThread().interrupt();
                        }
                    });
        }

        private void begin(RunBegin begin) {
            boolean known = run != null && run.getRunId().equals(begin.getRunId());
            run = begin;
            if (!known) {
                var newest = checkpoints.saved.lastEntry();
                nextStep = newest == null ? 0 : newest.getKey() + 1;
                parameters = newest == null ? "" : newest.getValue();
                reports.clear();
            }
            told.add("position " + nextStep);
            send(
                    WorkRequest.newBuilder()
                            .setPosition(
                                    StudentPosition.newBuilder()
                                            .setRunId(begin.getRunId())
                                            .setNextStep(nextStep)),
                    epoch);
        }

        private void tellAgain() {
            if (leads) {
                reports.tailMap(nextStep - 2 * PREFETCH)
                        .values()
                        .forEach(report -> send(WorkRequest.newBuilder().setStep(report), epoch));
            }
        }

        private void assigned(StepAssignment assignment) {
            long step = assignment.getStep();
            BlockingQueue<StepAssignment> again =
                    assigned.putIfAbsent(step, new LinkedBlockingQueue<>());
            if (again == null) {
                execute("step " + step, () -> step(assignment));
            } else {
                again.add(assignment);
            }
        }

        private void step(StepAssignment first) throws InterruptedException {
            StepAssignment assignment = first;
            String result = null;
            boolean boundary = false;
            while (result == null) {
                MessageDigest digest = sha256();
                digest.update((startsTrack(first.getStep()) ? "" : parameters).getBytes(UTF_8));
                digest.update(ByteBuffer.allocate(8).putLong(0, first.getStep()));
                try {
                    for (BatchReference batch : assignment.getMicroBatchesList()) {
                        Map<String, Tensor> tensors = new TreeMap<>(fetch(batch));
                        boundary = tensors.containsKey("t1");
                        tensors.forEach(
                                (name, tensor) -> {
                                    digest.update(name.getBytes(UTF_8));
                                    digest.update(tensor.bytes());
                                });
                    }
                    result = HexFormat.of().formatHex(digest.digest());
                } catch (MeshException e) {
                    if (over) {
                        return;
                    }
                    told.add("lost " + first.getStep());
                    assignment = other(first.getStep());
                    if (assignment.getMicroBatchesCount() == 0) {
                        return;
                    }
                }
            }
            parameters = result;
            nextStep = first.getStep() + 1;
            StepReport.Builder report =
                    StepReport.newBuilder()
                            .setRunId(first.getRunId())
                            .setStep(first.getStep())
                            .setLoss((double) first.getStep())
                            .addTerms((double) first.getStep())
                            .setLearningRate(0.1);
            if (boundary) {
                report.addAllAgreement(List.of(0.5, 0.5, 0.5));
            }
            reports.put(first.getStep(), report.build());
            told.add("applied " + first.getStep());
            applied(first.getStep()).countDown();
            if (!muted && leads) {
                send(WorkRequest.newBuilder().setStep(report), epoch);
            }
        }

        private StepAssignment other(long step) throws InterruptedException {
            BlockingQueue<StepAssignment> again = assigned.get(step);
            StepAssignment other =
                    again == null ? null : again.poll(DEADLINE_SECONDS, TimeUnit.SECONDS);
            if (other == null) {
                throw new AssertionError("step is not assigned again: step=" + step);
            }
            return other;
        }

        private boolean startsTrack(long step) {
            return run != null
                    && run.getTracksList().stream()
                            .anyMatch(track -> track.getPhases(0).getStartStep() == step);
        }

        private Map<String, Tensor> fetch(BatchReference batch) {
            ManagedChannel server =
                    servers.computeIfAbsent(
                            batch.getAddress(),
                            at ->
                                    MeshChannels.open(
                                            "student-fetch",
                                            at,
                                            security,
                                            MeshRole.TEACHER,
                                            MeshRole.COORDINATOR));
            return BatchFetcher.fetch(
                    server,
                    FetchBatchRequest.newBuilder()
                            .setBatchId(batch.getBatchId())
                            .setEpoch(epoch)
                            .build(),
                    1 << 20,
                    Duration.ofSeconds(DEADLINE_SECONDS));
        }

        private void evaluate(EvaluationAssignment assignment) {
            int samples = 0;
            for (BatchReference batch : assignment.getBatchesList()) {
                fetch(batch);
                samples += batch.getSampleCount();
            }
            send(
                    WorkRequest.newBuilder()
                            .setEvaluation(
                                    EvaluationReport.newBuilder()
                                            .setRunId(assignment.getRunId())
                                            .setEvaluationId(assignment.getEvaluationId())
                                            .setCorrectCount(samples / 2)
                                            .setSampleCount(samples)),
                    epoch);
        }

        private void checkpoint() {
            checkpoints.saved.put(nextStep - 1, parameters);
            send(
                    WorkRequest.newBuilder()
                            .setCheckpoint(CheckpointReport.newBuilder().setStep(nextStep - 1)),
                    epoch);
        }

        private void endTrack(String name) throws InterruptedException {
            boolean exported =
                    run != null
                            && run.getTracksList().stream()
                                    .filter(Track::getExport)
                                    .anyMatch(track -> track.getName().equals(name));
            if (exported) {
                publish(run.getRunId(), parameters.getBytes(UTF_8));
            }
            send(
                    WorkRequest.newBuilder()
                            .setTrack(
                                    TrackReport.newBuilder()
                                            .setTrack(name)
                                            .setParametersSha256(parameters)),
                    epoch);
        }

        private void publish(String runId, byte[] content) throws InterruptedException {
            CompletableFuture<String> done = new CompletableFuture<>();
            StreamObserver<PublishArtifactRequest> file =
                    AssignmentServiceGrpc.newStub(channel)
                            .publishArtifact(
                                    new StreamObserver<>() {
                                        @Override
                                        public void onNext(PublishArtifactResponse response) {}

                                        @Override
                                        public void onError(Throwable cause) {
                                            done.completeExceptionally(cause);
                                        }

                                        @Override
                                        public void onCompleted() {
                                            done.complete("stored");
                                        }
                                    });
            file.onNext(
                    PublishArtifactRequest.newBuilder()
                            .setHeader(
                                    ArtifactHeader.newBuilder()
                                            .setRunId(runId)
                                            .setEpoch(epoch)
                                            .setName("student.onnx")
                                            .setSizeBytes(content.length)
                                            .setSha256(
                                                    HexFormat.of()
                                                            .formatHex(sha256().digest(content))))
                            .build());
            file.onNext(
                    PublishArtifactRequest.newBuilder()
                            .setChunk(ByteString.copyFrom(content))
                            .build());
            file.onCompleted();
            try {
                told.add(done.get(DEADLINE_SECONDS, TimeUnit.SECONDS));
            } catch (ExecutionException | TimeoutException e) {
                throw new AssertionError("file is not stored", e);
            }
        }
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
