package io.abmesh.student.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.AssignmentServiceGrpc;
import io.abmesh.proto.v1.PublishArtifactRequest;
import io.abmesh.proto.v1.PublishArtifactResponse;
import io.abmesh.student.session.WorkProgress;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
final class CoordinatorArtifactStoreTest {
    private static final long PATIENCE_SECONDS = 60;

    private final CompletableFuture<StreamObserver<PublishArtifactResponse>> read =
            new CompletableFuture<>();
    private final CompletableFuture<Void> cancelled = new CompletableFuture<>();
    private Server server;
    private ManagedChannel channel;
    private FutureTask<Boolean> publishing;
    private Thread thread;

    @BeforeEach
    void send(@TempDir Path folder) throws Exception {
        Path file = Files.write(folder.resolve("student.onnx"), new byte[3]);
        String name = UUID.randomUUID().toString();
        server = InProcessServerBuilder.forName(name).addService(coordinator()).build().start();
        channel = InProcessChannelBuilder.forName(name).build();
        CoordinatorArtifactStore store = new CoordinatorArtifactStore(channel, new WorkProgress());
        publishing =
                new FutureTask<>(
                        () -> {
                            store.publish("run-1", 1, file, "00");
                            return true;
                        });
        thread = new Thread(publishing, "publishing");
        thread.start();
    }

    @AfterEach
    void stop() {
        thread.interrupt();
        channel.shutdownNow();
        server.shutdownNow();
    }

    @Test
    void givesTheReasonForWhichTheCoordinatorDoesNotStoreAFile() throws Exception {
        read.get(PATIENCE_SECONDS, TimeUnit.SECONDS)
                .onError(
                        ErrorStatuses.toException(
                                new MeshException(ErrorReason.STORE_FULL, "no room")));

        assertThatThrownBy(() -> publishing.get(PATIENCE_SECONDS, TimeUnit.SECONDS))
                .cause()
                .isInstanceOfSatisfying(
                        MeshException.class,
                        e -> assertThat(e.reason()).isEqualTo(ErrorReason.STORE_FULL));
    }

    @Test
    void anUploadThatIsCancelledOnTheWayIsOneToTryAgain() throws Exception {
        read.get(PATIENCE_SECONDS, TimeUnit.SECONDS).onError(Status.CANCELLED.asException());

        assertThatThrownBy(() -> publishing.get(PATIENCE_SECONDS, TimeUnit.SECONDS))
                .cause()
                .isInstanceOfSatisfying(
                        MeshException.class,
                        e -> assertThat(e.reason()).isEqualTo(ErrorReason.TRANSPORT_UNAVAILABLE));
    }

    @Test
    void anUploadThatIsGivenUpEndsForTheCoordinatorToo() throws Exception {
        read.get(PATIENCE_SECONDS, TimeUnit.SECONDS);

        thread.interrupt();

        cancelled.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        assertThatThrownBy(() -> publishing.get(PATIENCE_SECONDS, TimeUnit.SECONDS))
                .hasRootCauseInstanceOf(InterruptedException.class);
    }

    private AssignmentServiceGrpc.AssignmentServiceImplBase coordinator() {
        return new AssignmentServiceGrpc.AssignmentServiceImplBase() {
            @Override
            public StreamObserver<PublishArtifactRequest> publishArtifact(
                    StreamObserver<PublishArtifactResponse> response) {
                ((ServerCallStreamObserver<PublishArtifactResponse>) response)
                        .setOnCancelHandler(() -> cancelled.complete(null));
                return new StreamObserver<>() {
                    @Override
                    public void onNext(PublishArtifactRequest request) {
                        assertThat(cancelled).isNotDone();
                    }

                    @Override
                    public void onError(Throwable cause) {
                        // Its cancellation is heard above.
                    }

                    @Override
                    public void onCompleted() {
                        read.complete(response);
                    }
                };
            }
        };
    }
}
