package io.abmesh.student.run;

import com.google.protobuf.ByteString;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.frame.TensorFrames;
import io.abmesh.proto.transport.PacedWriter;
import io.abmesh.proto.v1.ArtifactHeader;
import io.abmesh.proto.v1.AssignmentServiceGrpc;
import io.abmesh.proto.v1.PublishArtifactRequest;
import io.abmesh.proto.v1.PublishArtifactResponse;
import io.abmesh.student.session.WorkProgress;
import io.grpc.Channel;
import io.grpc.Context;
import io.grpc.Context.CancellableContext;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Stores files with the coordinator, in chunks of at most 1 MiB, while it reads. */
final class CoordinatorArtifactStore implements ArtifactStore {
    private static final int CHUNK_BYTES = TensorFrames.MAX_PAYLOAD_BYTES;
    private static final Duration STALL_TIMEOUT = Duration.ofSeconds(30);

    /** How long the coordinator may take to store what it has read, however large it is. */
    private static final Duration ANSWER_TIMEOUT = Duration.ofMinutes(5);

    private final Channel channel;
    private final WorkProgress progress;

    /**
     * Opens nothing yet.
     *
     * @param channel to the coordinator; not closed by this
     * @param progress of the worker, which each chunk that the coordinator takes is
     */
    CoordinatorArtifactStore(Channel channel, WorkProgress progress) {
        this.channel = channel;
        this.progress = progress;
    }

    @Override
    public void publish(String runId, long epoch, Path file, String sha256)
            throws InterruptedException {
        Upload upload = new Upload();
        CancellableContext call = Context.current().withCancellation();
        call.run(() -> AssignmentServiceGrpc.newStub(channel).publishArtifact(upload));
        try (InputStream bytes = Files.newInputStream(file)) {
            upload.writer.write(
                    PublishArtifactRequest.newBuilder()
                            .setHeader(
                                    ArtifactHeader.newBuilder()
                                            .setRunId(runId)
                                            .setEpoch(epoch)
                                            .setName(file.getFileName().toString())
                                            .setSizeBytes(Files.size(file))
                                            .setSha256(sha256))
                            .build());
            for (byte[] chunk = bytes.readNBytes(CHUNK_BYTES);
                    chunk.length > 0;
                    chunk = bytes.readNBytes(CHUNK_BYTES)) {
                upload.writer.write(
                        PublishArtifactRequest.newBuilder()
                                .setChunk(ByteString.copyFrom(chunk))
                                .build());
                progress.pieceDone();
            }
            upload.writer.complete();
            upload.answer.get(ANSWER_TIMEOUT.toSeconds(), TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            throw ErrorStatuses.fromServer(e.getCause() == null ? e : e.getCause());
        } catch (MeshException e) {
            throw ErrorStatuses.fromServer(e);
        } catch (TimeoutException e) {
            throw new MeshException(
                    ErrorReason.DEADLINE_EXCEEDED,
                    "coordinator does not store a file: file="
                            + file
                            + ", waited="
                            + ANSWER_TIMEOUT,
                    Map.of("file", file.toString()),
                    e);
        } catch (IOException e) {
            throw new MeshException(
                    ErrorReason.INTERNAL,
                    "exported file cannot be read: file=" + file + ", cause=" + e,
                    Map.of("file", file.toString()),
                    e);
        } finally {
            // Of a call that was answered nothing is left to be cancelled.
            call.cancel(null);
        }
    }

    private static final class Upload
            implements ClientResponseObserver<PublishArtifactRequest, PublishArtifactResponse> {
        private final PacedWriter<PublishArtifactRequest> writer = new PacedWriter<>(STALL_TIMEOUT);
        private final CompletableFuture<PublishArtifactResponse> answer = new CompletableFuture<>();

        @Override
        public void beforeStart(ClientCallStreamObserver<PublishArtifactRequest> call) {
            writer.attach(call);
        }

        @Override
        public void onNext(PublishArtifactResponse response) {
            answer.complete(response);
        }

        @Override
        public void onError(Throwable cause) {
            writer.closed(cause);
            answer.completeExceptionally(cause);
        }

        @Override
        public void onCompleted() {
            writer.closed(null);
            answer.completeExceptionally(
                    new MeshException(ErrorReason.INTERNAL, "coordinator gave no answer"));
        }
    }
}
