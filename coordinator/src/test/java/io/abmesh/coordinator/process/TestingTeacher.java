package io.abmesh.coordinator.process;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.frame.TensorAssembler;
import io.abmesh.proto.frame.TensorFrames;
import io.abmesh.proto.identity.MeshRole;
import io.abmesh.proto.transport.MeshChannels;
import io.abmesh.proto.transport.MeshSecurity;
import io.abmesh.proto.transport.MeshServer;
import io.abmesh.proto.v1.BatchFailed;
import io.abmesh.proto.v1.BatchHeader;
import io.abmesh.proto.v1.BatchReady;
import io.abmesh.proto.v1.BatchServiceGrpc;
import io.abmesh.proto.v1.Credit;
import io.abmesh.proto.v1.DescribeTeacherRequest;
import io.abmesh.proto.v1.DescribeTeacherResponse;
import io.abmesh.proto.v1.Encoding;
import io.abmesh.proto.v1.FetchBatchRequest;
import io.abmesh.proto.v1.FetchBatchResponse;
import io.abmesh.proto.v1.JoinMeshRequest;
import io.abmesh.proto.v1.JoinMeshResponse;
import io.abmesh.proto.v1.MembershipServiceGrpc;
import io.abmesh.proto.v1.StreamBatchesRequest;
import io.abmesh.proto.v1.StreamBatchesResponse;
import io.abmesh.proto.v1.StreamOpen;
import io.abmesh.proto.v1.StreamOpened;
import io.abmesh.proto.v1.TapDescription;
import io.abmesh.proto.v1.TapFirings;
import io.abmesh.proto.v1.TeacherServiceGrpc;
import io.abmesh.proto.v1.TensorDescription;
import io.grpc.ManagedChannel;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * A teacher-worker that speaks the real protocol over loopback and whose answers are a pure
 * function of the images.
 */
final class TestingTeacher implements AutoCloseable {
    private static final String MODEL = "ab".repeat(32);
    private static final int CLASSES = 10;
    private static final long COST = 100;

    /** Micro-batches of five that a stream may hold. */
    private static final int HELD = 6;

    /** Membership epochs of the streams that were opened, in order. */
    final List<Long> epochs = new CopyOnWriteArrayList<>();

    /** Batches that were announced, in order. */
    final List<String> announced = new CopyOnWriteArrayList<>();

    private final String name;
    private final MeshSecurity security;
    private final Map<String, Held> held = new ConcurrentHashMap<>();
    private volatile long failing = -1;
    private volatile double firing = 0.5;
    private volatile double knowing = 0.9;
    private volatile String runRequest = "";
    private volatile int most = Integer.MAX_VALUE;
    private final AtomicInteger refusals = new AtomicInteger();
    private final AtomicInteger streams = new AtomicInteger();
    private final MeshServer server;
    private final List<ManagedChannel> channels = new ArrayList<>();
    private final CompletableFuture<MeshException> refused = new CompletableFuture<>();

    private record Held(StreamOpen open, Map<String, ByteBuffer> tensors, int size) {}

    TestingTeacher(String name) {
        this(name, MeshSecurity.plainText());
    }

    TestingTeacher(String name, MeshSecurity security) {
        this.name = name;
        this.security = security;
        this.server =
                MeshServer.start(
                        name, security, "127.0.0.1", 0, 4, List.of(new Teacher(), new Batches()));
        server.serving();
    }

    String address() {
        return server.address();
    }

    /** Cannot compute the batches of a step. */
    void failOn(long step) {
        failing = step;
    }

    /** Says that this share of the responses at each tap is greater than zero. */
    void fire(double share) {
        firing = share;
    }

    /** Says that it has this share of the labels right. */
    void know(double share) {
        knowing = share;
    }

    /** Serves so many streams at a time. */
    void serveAtMost(int streams) {
        most = streams;
    }

    /** Opens no stream of a run before it was asked so many times. */
    void refuseToOpen(int times) {
        refusals.set(times);
    }

    /** Says that it is for the run of a request. */
    TestingTeacher forRun(String request) {
        runRequest = request;
        return this;
    }

    /** Joins a mesh. */
    void join(String coordinator, String version) {
        ManagedChannel channel =
                MeshChannels.open(name, coordinator, security, MeshRole.COORDINATOR);
        channels.add(channel);
        StreamObserver<JoinMeshRequest> membership =
                MembershipServiceGrpc.newStub(channel)
                        .joinMesh(
                                new StreamObserver<>() {
                                    @Override
                                    public void onNext(JoinMeshResponse response) {}

                                    @Override
                                    public void onError(Throwable cause) {
                                        refused.complete(ErrorStatuses.fromThrowable(cause));
                                    }

                                    @Override
                                    public void onCompleted() {}
                                });
        membership.onNext(
                JoinMeshRequest.newBuilder()
                        .setWorkerId(name)
                        .setAddress(address())
                        .setVersion(version)
                        .setModelSha256(MODEL)
                        .setRunRequestId(runRequest)
                        .build());
    }

    /** Completes when the coordinator ends its stream. */
    CompletableFuture<MeshException> refused() {
        return refused;
    }

    /** Dies: nothing that it holds can be fetched again. */
    @Override
    public void close() {
        server.stop(Duration.ZERO);
        channels.forEach(channel -> MeshChannels.close(channel, Duration.ZERO));
    }

    private static TapDescription tap(int number) {
        long side = 28L >> (number - 1);
        return TapDescription.newBuilder()
                .setName("t" + number)
                .setTensor("tensor" + number)
                .addAllSampleShape(List.of(2L, side, side))
                .build();
    }

    private final class Teacher extends TeacherServiceGrpc.TeacherServiceImplBase {
        @Override
        public void describeTeacher(
                DescribeTeacherRequest request, StreamObserver<DescribeTeacherResponse> answer) {
            answer.onNext(
                    DescribeTeacherResponse.newBuilder()
                            .setModelSha256(MODEL)
                            .setModelName("testing")
                            .setEngine("testing")
                            .setClassCount(CLASSES)
                            .setRawPixels(true)
                            .addTaps(tap(1))
                            .addTaps(tap(2))
                            .addTaps(tap(3))
                            .addAllAutoTaps(List.of("t1", "t2", "t3"))
                            .build());
            answer.onCompleted();
        }

        @Override
        public StreamObserver<StreamBatchesRequest> streamBatches(
                StreamObserver<StreamBatchesResponse> answer) {
            if (streams.incrementAndGet() > most) {
                streams.decrementAndGet();
                throw new MeshException(ErrorReason.WORKER_OVERLOADED, "too many streams");
            }
            Stream stream = new Stream(answer);
            ((ServerCallStreamObserver<StreamBatchesResponse>) answer)
                    .setOnCancelHandler(stream::end);
            return stream;
        }
    }

    private final class Stream implements StreamObserver<StreamBatchesRequest> {
        private final StreamObserver<StreamBatchesResponse> answer;
        private final List<String> mine = new CopyOnWriteArrayList<>();
        private StreamOpen open = StreamOpen.getDefaultInstance();
        private BatchHeader header = BatchHeader.getDefaultInstance();
        private @Nullable TensorAssembler incoming;
        private boolean over;

        Stream(StreamObserver<StreamBatchesResponse> answer) {
            this.answer = answer;
        }

        @Override
        public void onNext(StreamBatchesRequest message) {
            switch (message.getMessageCase()) {
                case OPEN -> {
                    open = message.getOpen();
                    if (open.getEpoch() > 0) { // An exam is part of none.
                        if (refusals.getAndDecrement() > 0) {
                            end();
                            throw new MeshException(ErrorReason.TEACHER_FAILED, "no memory");
                        }
                        epochs.add(open.getEpoch());
                    }
                    say(
                            StreamBatchesResponse.newBuilder()
                                    .setOpened(
                                            StreamOpened.newBuilder()
                                                    .setCostBytes(COST)
                                                    .setCreditBytes(HELD * 5 * COST)
                                                    .setModelSha256(MODEL)));
                }
                case BATCH -> {
                    header = message.getBatch();
                    announced.add(header.getBatchId());
                    incoming =
                            new TensorAssembler(header.getBatchId(), 1 << 20, ByteBuffer::allocate);
                }
                case FRAME -> {
                    TensorAssembler batch = incoming;
                    if (batch == null) {
                        throw new MeshException(ErrorReason.STREAM_PROTOCOL, "frame of no batch");
                    }
                    batch.add(message.getFrame());
                    if (message.getFrame().getTensor().equals("label")) {
                        ready(batch);
                    }
                }
                case RELEASE -> release(message.getRelease().getBatchId());
                case MESSAGE_NOT_SET -> {}
            }
        }

        private void ready(TensorAssembler batch) {
            batch.requireComplete();
            Map<String, ByteBuffer> tensors = new HashMap<>();
            batch.tensors().forEach((tensor, value) -> tensors.put(tensor, value.bytes()));
            String id = header.getBatchId();
            if (failing >= 0 && id.split("/", -1)[2].equals(Long.toString(failing))) {
                say(
                        StreamBatchesResponse.newBuilder()
                                .setFailed(
                                        BatchFailed.newBuilder()
                                                .setBatchId(id)
                                                .setStatus(
                                                        ErrorStatuses.toStatus(
                                                                new MeshException(
                                                                        ErrorReason.TEACHER_FAILED,
                                                                        name + " cannot")))));
                return;
            }
            mine.add(id);
            held.put(id, new Held(open, tensors, header.getSampleIdsCount()));
            BatchReady.Builder ready =
                    BatchReady.newBuilder()
                            .setBatchId(id)
                            .setComputedCount(header.getSampleIdsCount());
            if (header.getFirings()) {
                open.getTapsList().forEach(tap -> ready.addFirings(firings(tap.getName())));
            }
            if (open.getLogits() && header.getLabels()) {
                ready.setCorrectCount((int) Math.round(knowing * header.getSampleIdsCount()));
            }
            say(StreamBatchesResponse.newBuilder().setReady(ready));
        }

        private TapFirings firings(String tap) {
            long neurons = 100;
            return TapFirings.newBuilder()
                    .setTap(tap)
                    .setNeuronCount(neurons)
                    .setFiredCount(Math.round(firing * neurons * header.getSampleIdsCount()))
                    .build();
        }

        private void release(String id) {
            Held batch = held.remove(id);
            if (batch != null) {
                say(
                        StreamBatchesResponse.newBuilder()
                                .setCredit(Credit.newBuilder().setBytes(batch.size() * COST)));
            }
        }

        private void say(StreamBatchesResponse.Builder message) {
            answer.onNext(message.build());
        }

        void end() {
            if (!over) {
                over = true;
                streams.decrementAndGet();
            }
            mine.forEach(held::remove);
        }

        @Override
        public void onError(Throwable cause) {
            end();
        }

        @Override
        public void onCompleted() {
            end();
            answer.onCompleted();
        }
    }

    private final class Batches extends BatchServiceGrpc.BatchServiceImplBase {
        @Override
        public void fetchBatch(
                FetchBatchRequest request, StreamObserver<FetchBatchResponse> answer) {
            Held batch = held.get(request.getBatchId());
            if (batch == null) {
                throw new MeshException(
                        ErrorReason.BATCH_NOT_FOUND, "no such batch: " + request.getBatchId());
            }
            if (request.getEpoch() != batch.open().getEpoch()) {
                throw new MeshException(ErrorReason.STALE_EPOCH, "batch is of another epoch");
            }
            long size = batch.size();
            send(
                    answer,
                    request,
                    TensorFrames.describe(
                            "image", List.of(size, 1L, 28L, 28L), Encoding.ENCODING_UINT8),
                    tensor(batch, "image"));
            send(
                    answer,
                    request,
                    TensorFrames.describe("label", List.of(size), Encoding.ENCODING_INT32),
                    tensor(batch, "label"));
            for (int i = 1; i <= batch.open().getTapsCount(); i++) {
                List<Long> shape = new ArrayList<>(List.of(size));
                shape.addAll(tap(i).getSampleShapeList());
                TensorDescription bits =
                        TensorFrames.describe("t" + i, shape, Encoding.ENCODING_SIGN_BITS);
                send(answer, request, bits, computed(batch, bits));
            }
            if (batch.open().getLogits()) {
                TensorDescription logits =
                        TensorFrames.describe(
                                "logits", List.of(size, (long) CLASSES), Encoding.ENCODING_FLOAT32);
                send(answer, request, logits, computed(batch, logits));
            }
            answer.onCompleted();
        }

        private static void send(
                StreamObserver<FetchBatchResponse> answer,
                FetchBatchRequest request,
                TensorDescription description,
                ByteBuffer bytes) {
            TensorFrames.split(request.getBatchId(), description, bytes)
                    .forEachRemaining(
                            frame ->
                                    answer.onNext(
                                            FetchBatchResponse.newBuilder()
                                                    .setFrame(frame)
                                                    .build()));
        }

        private static ByteBuffer tensor(Held batch, String name) {
            ByteBuffer bytes = batch.tensors().get(name);
            if (bytes == null) {
                throw new IllegalStateException("no tensor " + name);
            }
            return bytes.duplicate();
        }

        private static ByteBuffer computed(Held batch, TensorDescription description) {
            ByteBuffer images = tensor(batch, "image");
            ByteBuffer bytes = ByteBuffer.allocate((int) description.getSizeBytes());
            for (int i = 0; bytes.hasRemaining(); i++) {
                int pixel = images.get(i % images.limit());
                bytes.put((byte) (pixel + description.getName().length() + i));
            }
            return bytes.flip();
        }
    }
}
