package io.abmesh.coordinator.worker;

import io.abmesh.coordinator.batch.BatchMemory;
import io.abmesh.coordinator.run.Loop;
import io.abmesh.data.schedule.MicroBatch;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.frame.TensorFrames;
import io.abmesh.proto.identity.MeshRole;
import io.abmesh.proto.transport.MeshChannels;
import io.abmesh.proto.transport.MeshSecurity;
import io.abmesh.proto.transport.PacedWriter;
import io.abmesh.proto.v1.BatchFailed;
import io.abmesh.proto.v1.BatchHeader;
import io.abmesh.proto.v1.BatchReady;
import io.abmesh.proto.v1.BatchRelease;
import io.abmesh.proto.v1.Encoding;
import io.abmesh.proto.v1.StreamBatchesRequest;
import io.abmesh.proto.v1.StreamBatchesResponse;
import io.abmesh.proto.v1.StreamOpen;
import io.abmesh.proto.v1.StreamOpened;
import io.abmesh.proto.v1.TeacherServiceGrpc;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Supplier;

/**
 * A stream of batches to one teacher-worker. Batches are rendered and written by a thread of the
 * link's own, which waits while the teacher does not read or {@link BatchMemory} has no room for
 * its run; what waits for it is bounded by the teacher's credit. Methods are called on the
 * coordinator's loop, and the listener is told there.
 */
public final class TeacherLink {
    private static final Duration GRACE = Duration.ofMillis(200);

    /** What a link tells. */
    public interface Listener {
        /** The teacher takes batches. */
        void opened(TeacherLink link, StreamOpened opened);

        /** Credit came back; see {@link TeacherLink#credit}. */
        void credited(TeacherLink link);

        /** A batch can be fetched at the teacher's address. */
        void ready(TeacherLink link, BatchReady ready);

        /** A batch cannot be computed. */
        void failed(TeacherLink link, BatchFailed failed);

        /** The stream is over; what it held is gone. */
        void lost(TeacherLink link, MeshException cause);
    }

    private final TeacherMember member;
    private final Loop loop;
    private final Listener listener;
    private final String runId;
    private final BatchMemory memory;
    private final ManagedChannel channel;
    private final PacedWriter<StreamBatchesRequest> writer;
    private final ExecutorService thread;
    private long credit;
    private long creditAtStart;
    private long costBytes;
    private boolean closed;

    private TeacherLink(
            TeacherMember member,
            String runId,
            Loop loop,
            Listener listener,
            BatchMemory memory,
            MeshSecurity security,
            Duration stallTimeout) {
        this.member = member;
        this.runId = runId;
        this.memory = memory;
        this.loop = loop;
        this.listener = listener;
        this.channel =
                MeshChannels.open("coordinator-feed", member.address(), security, MeshRole.TEACHER);
        this.writer = new PacedWriter<>(stallTimeout);
        this.thread =
                Executors.newSingleThreadExecutor(
                        task -> {
                            Thread feeder =
                                    new Thread(task, "coordinator-feed-" + member.workerId());
                            feeder.setDaemon(true);
                            return feeder;
                        });
    }

    /**
     * Opens a stream.
     *
     * @param memory that a batch takes while it is written; borrowed
     * @param security of this process; borrowed
     */
    public static TeacherLink open(
            TeacherMember member,
            StreamOpen open,
            Loop loop,
            Listener listener,
            BatchMemory memory,
            MeshSecurity security,
            Duration stallTimeout) {
        TeacherLink link =
                new TeacherLink(
                        member, open.getRunId(), loop, listener, memory, security, stallTimeout);
        var unused = TeacherServiceGrpc.newStub(link.channel).streamBatches(link.new Responses());
        link.write(
                () -> link.writer.write(StreamBatchesRequest.newBuilder().setOpen(open).build()));
        return link;
    }

    /** Returns the teacher. */
    public TeacherMember member() {
        return member;
    }

    /** Returns the bytes that may still be sent; 0 until the stream is open. */
    public long credit() {
        return credit;
    }

    /** Returns the bytes that the teacher gave when the stream was opened; 0 until then. */
    public long creditAtStart() {
        return creditAtStart;
    }

    /** Returns the credit that a batch of {@code samples} costs. */
    public long cost(int samples) {
        return samples * costBytes;
    }

    /**
     * Sends a batch, for which there is credit.
     *
     * @param bytes that it takes in this process
     * @param firings whether the teacher shall say how its taps fire
     * @param step that it is part of
     * @param traceParent of the span that it is computed for; empty for none
     */
    public void offer(
            String batchId,
            String datasetSha256,
            int samples,
            long bytes,
            boolean firings,
            long step,
            String traceParent,
            Supplier<MicroBatch> render) {
        credit -= cost(samples);
        write(
                () -> {
                    memory.take(runId, bytes);
                    try {
                        send(batchId, datasetSha256, firings, step, traceParent, render.get());
                    } finally {
                        memory.give(runId, bytes);
                    }
                });
    }

    /** Lets a batch go. */
    public void release(String batchId) {
        write(
                () ->
                        writer.write(
                                StreamBatchesRequest.newBuilder()
                                        .setRelease(BatchRelease.newBuilder().setBatchId(batchId))
                                        .build()));
    }

    /** Ends the stream, in a thread of its own; the listener is told nothing more. */
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        thread.shutdownNow();
        Thread closer =
                new Thread(
                        () -> {
                            // The teacher lets go at once what the stream holds.
                            writer.fail(
                                    new MeshException(
                                            ErrorReason.CANCELLED, "coordinator ends the stream"));
                            MeshChannels.close(channel, GRACE);
                        },
                        "coordinator-feed-close-" + member.workerId());
        closer.setDaemon(true);
        closer.start();
    }

    private void send(
            String batchId,
            String datasetSha256,
            boolean firings,
            long step,
            String traceParent,
            MicroBatch batch)
            throws InterruptedException {
        writer.write(
                StreamBatchesRequest.newBuilder()
                        .setBatch(
                                BatchHeader.newBuilder()
                                        .setBatchId(batchId)
                                        .addAllSampleIds(batch.sampleIds())
                                        .addAllAugmentationIds(batch.augmentationIds())
                                        .setDatasetSha256(datasetSha256)
                                        .addAllImageShape(batch.shape().toList())
                                        .setLabels(true)
                                        .setFirings(firings)
                                        .setStep(step)
                                        .setTraceParent(traceParent))
                        .build());
        long size = batch.size();
        List<Long> shape = new ArrayList<>(List.of(size));
        shape.addAll(batch.shape().toList());
        frames(batchId, "image", shape, Encoding.ENCODING_UINT8, batch.images());
        frames(batchId, "label", List.of(size), Encoding.ENCODING_INT32, batch.labels());
    }

    private void frames(
            String batchId, String tensor, List<Long> shape, Encoding encoding, ByteBuffer bytes)
            throws InterruptedException {
        var frames =
                TensorFrames.split(batchId, TensorFrames.describe(tensor, shape, encoding), bytes);
        while (frames.hasNext()) {
            writer.write(StreamBatchesRequest.newBuilder().setFrame(frames.next()).build());
        }
    }

    @FunctionalInterface
    private interface Write {
        void run() throws InterruptedException;
    }

    private void write(Write write) {
        if (closed) {
            return;
        }
        thread.execute(
                () -> {
                    try {
                        write.run();
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    } catch (RuntimeException e) {
                        lost(e);
                    }
                });
    }

    private void lost(Throwable cause) {
        writer.closed(cause);
        MeshException named = ErrorStatuses.fromThrowable(cause);
        loop.execute(
                () -> {
                    if (!closed) {
                        close();
                        listener.lost(this, named);
                    }
                });
    }

    private final class Responses
            implements ClientResponseObserver<StreamBatchesRequest, StreamBatchesResponse> {
        @Override
        public void beforeStart(ClientCallStreamObserver<StreamBatchesRequest> call) {
            writer.attach(call);
        }

        @Override
        public void onNext(StreamBatchesResponse message) {
            loop.execute(() -> handle(message));
        }

        @Override
        public void onError(Throwable cause) {
            lost(cause);
        }

        @Override
        public void onCompleted() {
            lost(Status.UNAVAILABLE.withDescription("teacher ended the stream").asException());
        }
    }

    private void handle(StreamBatchesResponse message) {
        if (closed) {
            return;
        }
        switch (message.getMessageCase()) {
            case OPENED -> {
                credit = message.getOpened().getCreditBytes();
                creditAtStart = credit;
                costBytes = message.getOpened().getCostBytes();
                listener.opened(this, message.getOpened());
            }
            case CREDIT -> {
                credit += message.getCredit().getBytes();
                listener.credited(this);
            }
            case READY -> listener.ready(this, message.getReady());
            case FAILED -> listener.failed(this, message.getFailed());
            case MESSAGE_NOT_SET -> {}
        }
    }
}
