package io.abmesh.teacher.stream;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.protobuf.util.Durations;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.log.LogContext;
import io.abmesh.proto.transport.Limits;
import io.abmesh.proto.transport.StallClock;
import io.abmesh.proto.v1.BatchFailed;
import io.abmesh.proto.v1.BatchHeader;
import io.abmesh.proto.v1.BatchReady;
import io.abmesh.proto.v1.Credit;
import io.abmesh.proto.v1.StreamBatchesRequest;
import io.abmesh.proto.v1.StreamBatchesResponse;
import io.abmesh.proto.v1.StreamOpen;
import io.abmesh.proto.v1.StreamOpened;
import io.abmesh.proto.v1.TensorFrame;
import io.abmesh.teacher.batch.BatchInput;
import io.abmesh.teacher.batch.ComputedBatch;
import io.abmesh.teacher.batch.HeldBatch;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.StatusCode;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * One {@code StreamBatches} call: takes batches, has them computed in order, holds the results
 * until they are released.
 *
 * <p>Memory: a batch takes its cost from the credit when it is announced and gives it back when
 * nobody holds it any more, so that a stream never has more than its credit, whatever the client
 * does; a stream that has ended keeps its place until the last fetch of it has. Messages are asked
 * for one at a time, and only while the client reads the answers.
 *
 * <p>Thread-safe: gRPC's threads and the computing thread meet under one lock, which is never held
 * while a batch is computed.
 */
final class BatchStream implements StreamObserver<StreamBatchesRequest> {
    private static final Logger LOG = Logger.getLogger(BatchStream.class);

    /** A batch of this stream between its announcement and its end. */
    private static final class Entry {
        private final long cost;

        /** From the announcement to the answer. */
        private final Span span;

        private @Nullable HeldBatch held;
        private boolean released;

        Entry(long cost, Span span) {
            this.cost = cost;
            this.span = span;
        }
    }

    private final TeacherHost host;
    private final ServerCallStreamObserver<StreamBatchesResponse> call;
    private final Runnable onEnd;
    private final Object lock = new Object();

    @GuardedBy("lock")
    private final StallClock clock;

    @GuardedBy("lock")
    private final Map<String, Entry> batches = new HashMap<>();

    @GuardedBy("lock")
    private @Nullable StreamSetup setup;

    @GuardedBy("lock")
    private @Nullable IncomingBatch incoming;

    @GuardedBy("lock")
    private long credit;

    @GuardedBy("lock")
    private boolean opening;

    @GuardedBy("lock")
    private boolean requestOwed;

    @GuardedBy("lock")
    private boolean halfClosed;

    @GuardedBy("lock")
    private boolean ended;

    @GuardedBy("lock")
    private boolean gone;

    /**
     * Begins a stream, in the service method.
     *
     * @param onEnd runs once, when the stream has ended and nobody holds a batch of it any more
     */
    BatchStream(
            TeacherHost host,
            ServerCallStreamObserver<StreamBatchesResponse> call,
            Runnable onEnd) {
        this.host = host;
        this.call = call;
        this.onEnd = onEnd;
        this.clock = new StallClock(host.timer(), host.limits().stallTimeout(), lock, this::giveUp);
        call.disableAutoRequest();
        call.setOnReadyHandler(this::ready);
        call.setOnCancelHandler(this::end);
        // However the call was closed: not every way leads through a method of this class.
        call.setOnCloseHandler(this::end);
        call.request(1);
        synchronized (lock) {
            watch();
        }
    }

    @Override
    public void onNext(StreamBatchesRequest message) {
        synchronized (lock) {
            if (ended) {
                return;
            }
            try {
                take(message);
                if (!opening) {
                    requestNext();
                }
                watch();
            } catch (MeshException e) {
                fail(e);
            }
        }
    }

    @Override
    public void onError(Throwable cause) {
        end();
    }

    @Override
    public void onCompleted() {
        synchronized (lock) {
            halfClosed = true;
            if (incoming != null && !ended) {
                fail(
                        new MeshException(
                                ErrorReason.FRAME_OUT_OF_ORDER,
                                "stream ended in the middle of a batch: batch="
                                        + incoming.batchId(),
                                Map.of("batch", incoming.batchId())));
            } else {
                completeIfDone();
            }
        }
    }

    @GuardedBy("lock")
    private void take(StreamBatchesRequest message) {
        switch (message.getMessageCase()) {
            case OPEN -> open(message.getOpen());
            case BATCH -> announce(message.getBatch());
            case FRAME -> frame(message.getFrame());
            case RELEASE -> release(message.getRelease().getBatchId());
            case MESSAGE_NOT_SET -> throw protocol("message is of no kind that this version knows");
        }
    }

    @GuardedBy("lock")
    private void open(StreamOpen open) {
        if (setup != null || opening) {
            throw protocol("stream is open already");
        }
        opening = true;
        LogContext context = worker().run(open.getRunId());
        execute(() -> context.during(() -> prepare(open)));
    }

    /** Runs on the computing thread: making a model ready may take a second. */
    private void prepare(StreamOpen open) {
        synchronized (lock) {
            if (ended) {
                return;
            }
        }
        StreamSetup prepared;
        try {
            prepared = StreamSetup.prepare(open, host);
        } catch (RuntimeException | OutOfMemoryError e) {
            MeshException failure = named(e, "Stream could not be opened");
            synchronized (lock) {
                fail(failure);
            }
            return;
        }
        synchronized (lock) {
            if (ended) {
                prepared.computer().close();
                return;
            }
            setup = prepared;
            opening = false;
            credit = host.limits().streamBytes();
            StreamOpened.Builder opened =
                    StreamOpened.newBuilder()
                            .setCostBytes(prepared.costBytes())
                            .setCreditBytes(credit)
                            .setModelSha256(host.engine().describe().modelSha256())
                            .setClassCount(prepared.classCount());
            prepared.taps().forEach(tap -> opened.addTaps(TeacherGrpcService.describe(tap)));
            send(StreamBatchesResponse.newBuilder().setOpened(opened).build());
            LOG.infof(
                    "Stream opened run=%s epoch=%d taps=%d costBytes=%d creditBytes=%d",
                    open.getRunId(),
                    open.getEpoch(),
                    prepared.taps().size(),
                    prepared.costBytes(),
                    credit);
            requestNext();
            watch();
            completeIfDone();
        }
    }

    @GuardedBy("lock")
    private void announce(BatchHeader header) {
        StreamSetup opened = requireOpen();
        if (incoming != null) {
            throw protocol("batch came before the last was complete: batch=" + header.getBatchId());
        }
        IncomingBatch batch = new IncomingBatch(header, opened);
        if (batches.size() >= Limits.MAX_BATCHES_PER_STREAM) {
            throw new MeshException(
                    ErrorReason.CREDIT_EXCEEDED,
                    "stream has as many batches as it may: batch="
                            + header.getBatchId()
                            + ", expected at most="
                            + Limits.MAX_BATCHES_PER_STREAM,
                    Map.of("batch", header.getBatchId()));
        }
        long cost = opened.costBytes() * header.getSampleIdsCount();
        if (cost > credit) {
            throw new MeshException(
                    ErrorReason.CREDIT_EXCEEDED,
                    "batch costs more than the credit left: batch="
                            + header.getBatchId()
                            + ", found="
                            + cost
                            + " bytes, expected at most="
                            + credit,
                    Map.of("batch", header.getBatchId()));
        }
        host.held().announce(header.getBatchId());
        credit -= cost;
        host.meters().heldChanged(cost);
        Span span =
                host.tracing()
                        .follow(header.getTraceParent(), "teacher.batch")
                        .setAttribute("abmesh.batch", header.getBatchId());
        batches.put(header.getBatchId(), new Entry(cost, span));
        incoming = batch;
    }

    @GuardedBy("lock")
    private void frame(TensorFrame frame) {
        requireOpen();
        if (incoming == null) {
            throw protocol("frame came without a batch: batch=" + frame.getBatchId());
        }
        Optional<BatchInput> complete = incoming.add(frame);
        if (complete.isPresent()) {
            incoming = null;
            LogContext context = context(complete.get());
            execute(() -> context.during(() -> compute(complete.get())));
        }
    }

    private LogContext worker() {
        return LogContext.NONE.worker(host.workerId());
    }

    @GuardedBy("lock")
    private LogContext context(BatchInput input) {
        return worker().run(requireOpen().runId()).step(input.step().orElse(-1));
    }

    /** Releasing what is not there, or not any more, does nothing. */
    @GuardedBy("lock")
    private void release(String batchId) {
        requireOpen();
        Entry entry = batches.get(batchId);
        if (entry == null) {
            return;
        }
        if (incoming != null && incoming.batchId().equals(batchId)) {
            throw protocol("batch was released before it was complete: batch=" + batchId);
        }
        entry.released = true;
        if (entry.held != null) {
            letGo(batchId);
        }
    }

    /** Runs on the computing thread. */
    private void compute(BatchInput input) {
        StreamSetup opened;
        synchronized (lock) {
            opened = setup;
            if (ended || opened == null) {
                return;
            }
        }
        Instant begun = Instant.now();
        ComputedBatch computed;
        try {
            computed = opened.computer().compute(input);
        } catch (RuntimeException | OutOfMemoryError e) {
            MeshException failure = named(e, "Batch failed batch=" + input.batchId());
            host.meters().batchFailed();
            synchronized (lock) {
                failed(input.batchId(), failure);
            }
            return;
        }
        host.meters()
                .batchComputed(
                        computed.cachedCount(),
                        computed.computedCount(),
                        computed.computeDuration());
        LOG.debugf(
                "Batch computed batch=%s cached=%d computed=%d duration=%s",
                input.batchId(),
                computed.cachedCount(),
                computed.computedCount(),
                computed.computeDuration());
        Instant done = Instant.now();
        synchronized (lock) {
            Entry entry = batches.get(input.batchId());
            if (entry != null) {
                host.tracing().record(entry.span, "compute", begun, done);
            }
            ready(input.batchId(), opened.epoch(), computed);
        }
    }

    @GuardedBy("lock")
    private void ready(String batchId, long epoch, ComputedBatch computed) {
        Entry entry = batches.get(batchId);
        if (ended || entry == null) {
            return;
        }
        entry.span
                .setAttribute("abmesh.images.cached", (long) computed.cachedCount())
                .setAttribute("abmesh.images.computed", (long) computed.computedCount())
                .end();
        entry.held = new HeldBatch(batchId, epoch, computed.tensors(), () -> giveBack(entry.cost));
        host.held().put(entry.held);
        BatchReady.Builder ready =
                BatchReady.newBuilder()
                        .setBatchId(batchId)
                        .setCachedCount(computed.cachedCount())
                        .setComputedCount(computed.computedCount())
                        .setComputeDuration(
                                Durations.fromNanos(computed.computeDuration().toNanos()))
                        .addAllFirings(computed.firings());
        computed.correctCount().ifPresent(ready::setCorrectCount);
        send(StreamBatchesResponse.newBuilder().setReady(ready).build());
        if (entry.released) {
            letGo(batchId);
        }
    }

    @GuardedBy("lock")
    private void failed(String batchId, MeshException failure) {
        Entry entry = batches.remove(batchId);
        if (ended || entry == null) {
            return;
        }
        entry.span.setStatus(StatusCode.ERROR, failure.reason().name()).end();
        host.held().remove(batchId);
        send(
                StreamBatchesResponse.newBuilder()
                        .setFailed(
                                BatchFailed.newBuilder()
                                        .setBatchId(batchId)
                                        .setStatus(ErrorStatuses.toStatus(failure)))
                        .build());
        giveBack(entry.cost);
        completeIfDone();
    }

    @GuardedBy("lock")
    private void letGo(String batchId) {
        batches.remove(batchId);
        host.held().remove(batchId);
        completeIfDone();
    }

    /** Nobody holds the bytes any more; a fetch may have held them longer than the stream did. */
    private void giveBack(long bytes) {
        host.meters().heldChanged(-bytes);
        synchronized (lock) {
            credit += bytes;
            if (ended) {
                goIfFree();
            } else {
                send(
                        StreamBatchesResponse.newBuilder()
                                .setCredit(Credit.newBuilder().setBytes(bytes))
                                .build());
            }
        }
    }

    /** The client reads: asks for the message that was not asked for before. */
    private void ready() {
        synchronized (lock) {
            if (requestOwed) {
                requestOwed = false;
                requestNext();
                watch();
            }
        }
    }

    /**
     * Whether nothing goes on before the client does something: opens the stream, goes on with a
     * batch that it has begun, or reads. Between batches it may wait as long as it likes.
     */
    @GuardedBy("lock")
    private boolean clientsTurn() {
        return !ended && ((setup == null && !opening) || incoming != null || requestOwed);
    }

    @GuardedBy("lock")
    private void watch() {
        if (clientsTurn()) {
            clock.wind();
        } else {
            clock.stop();
        }
    }

    private void giveUp() {
        synchronized (lock) {
            Duration timeout = host.limits().stallTimeout();
            fail(
                    new MeshException(
                            ErrorReason.CLIENT_TOO_SLOW,
                            "client keeps its stream waiting: waited=" + timeout,
                            Map.of("timeout", timeout.toString())));
        }
    }

    @GuardedBy("lock")
    private void requestNext() {
        if (ended || halfClosed) {
            return;
        }
        if (call.isReady()) {
            call.request(1);
        } else {
            requestOwed = true;
        }
    }

    @GuardedBy("lock")
    private void completeIfDone() {
        if (halfClosed && !opening && !ended && batches.isEmpty()) {
            end();
            call.onCompleted();
        }
    }

    @GuardedBy("lock")
    private void send(StreamBatchesResponse response) {
        call.onNext(response);
    }

    @GuardedBy("lock")
    private void fail(MeshException failure) {
        if (!ended) {
            end(); // First, so that a client that hears of it finds everything free.
            call.onError(failure);
        }
    }

    /** Lets everything go; does nothing the second time. */
    private void end() {
        List<Entry> unheld = new ArrayList<>();
        StreamSetup opened;
        synchronized (lock) {
            if (ended) {
                return;
            }
            ended = true;
            clock.stop();
            opened = setup;
            for (Map.Entry<String, Entry> batch : batches.entrySet()) {
                host.held().remove(batch.getKey());
                if (batch.getValue().held == null) {
                    batch.getValue().span.setStatus(StatusCode.ERROR, "stream ended").end();
                    unheld.add(batch.getValue());
                }
            }
            batches.clear();
            credit += unheld.stream().mapToLong(entry -> entry.cost).sum();
            goIfFree();
        }
        unheld.forEach(entry -> host.meters().heldChanged(-entry.cost));
        if (opened != null) {
            // After what is being computed: its session is not thread-safe.
            execute(opened.computer()::close);
        }
    }

    /** Makes room for another stream, unless a fetch holds bytes of this one. */
    @GuardedBy("lock")
    private void goIfFree() {
        boolean free = setup == null || credit == host.limits().streamBytes();
        if (free && !gone) {
            gone = true;
            onEnd.run();
        }
    }

    private void execute(Runnable task) {
        try {
            host.compute().execute(task);
        } catch (RejectedExecutionException e) {
            // The process is stopping: the engine, when it closes, closes its sessions too.
            LOG.debugf("Task refused while stopping: %s", e.getMessage());
        }
    }

    @GuardedBy("lock")
    private StreamSetup requireOpen() {
        if (setup == null) {
            throw protocol("first message must be open");
        }
        return setup;
    }

    private static MeshException protocol(String message) {
        return new MeshException(ErrorReason.STREAM_PROTOCOL, message);
    }

    /** Names what went wrong beside the calls, and logs it. */
    static MeshException named(Throwable cause, String event) {
        if (cause instanceof MeshException failure) {
            LOG.warnf("%s reason=%s: %s", event, failure.reason(), failure.getMessage());
            return failure;
        }
        LOG.error(event, cause);
        return new MeshException(
                ErrorReason.TEACHER_FAILED, "teacher failed: " + cause, Map.of(), cause);
    }
}
