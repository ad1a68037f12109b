package io.abmesh.coordinator.worker;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.protobuf.util.Durations;
import io.abmesh.coordinator.run.Loop;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.transport.Caller;
import io.abmesh.proto.transport.PacedWriter;
import io.abmesh.proto.v1.AssignmentServiceGrpc;
import io.abmesh.proto.v1.PublishArtifactRequest;
import io.abmesh.proto.v1.PublishArtifactResponse;
import io.abmesh.proto.v1.WorkAccepted;
import io.abmesh.proto.v1.WorkRequest;
import io.abmesh.proto.v1.WorkResponse;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/** Work streams of student-workers, and the files that they publish. */
public final class AssignmentGrpcService extends AssignmentServiceGrpc.AssignmentServiceImplBase {
    private final Loop loop;
    private final WorkerListener listener;
    private final ArtifactReceiver artifacts;
    private final Clock clock;
    private final Duration lease;
    private final String version;
    private final List<Stream> streams = new CopyOnWriteArrayList<>();

    /**
     * Makes the service.
     *
     * @param clock measures leases
     * @param lease silence after which a student is lost
     * @param version of this program; a student of another is refused
     */
    public AssignmentGrpcService(
            Loop loop,
            WorkerListener listener,
            ArtifactReceiver artifacts,
            Clock clock,
            Duration lease,
            String version) {
        this.loop = loop;
        this.listener = listener;
        this.artifacts = artifacts;
        this.clock = clock;
        this.lease = lease;
        this.version = version;
    }

    /** Sends heartbeats and ends the streams of silent students; called at a third of the lease. */
    public void beat() {
        for (Stream stream : streams) {
            stream.beat();
        }
    }

    @Override
    public StreamObserver<WorkRequest> work(StreamObserver<WorkResponse> responses) {
        ServerCallStreamObserver<WorkResponse> call =
                (ServerCallStreamObserver<WorkResponse>) responses;
        PacedWriter<WorkResponse> writer = new PacedWriter<>(lease);
        writer.attach(call);
        Stream stream = new Stream(writer, Caller.run());
        call.setOnCancelHandler(() -> stream.ended(null));
        // A call that this server refuses is closed without being cancelled.
        call.setOnCloseHandler(() -> stream.ended(null));
        call.disableAutoRequest();
        call.request(1);
        streams.add(stream);
        return new StreamObserver<>() {
            @Override
            public void onNext(WorkRequest message) {
                stream.said(message);
                call.request(1);
            }

            @Override
            public void onError(Throwable cause) {
                stream.ended(cause);
            }

            @Override
            public void onCompleted() {
                stream.ended(null);
                writer.complete();
            }
        };
    }

    @Override
    public StreamObserver<PublishArtifactRequest> publishArtifact(
            StreamObserver<PublishArtifactResponse> responses) {
        return artifacts.receive(responses);
    }

    /** One student's stream. */
    private final class Stream {
        private final PacedWriter<WorkResponse> writer;
        private final Optional<String> certified;
        private final Lease heard = new Lease(clock, lease);
        private final Object lock = new Object();

        @GuardedBy("lock")
        private @Nullable StudentSession session;

        @GuardedBy("lock")
        private boolean over;

        Stream(PacedWriter<WorkResponse> writer, Optional<String> certified) {
            this.writer = writer;
            this.certified = certified;
        }

        void said(WorkRequest message) {
            heard.renew();
            StudentSession known = session();
            if (known == null) {
                join(message);
            } else if (message.hasHeartbeat()) {
                known.progressed(message.getHeartbeat().getProgressCount());
            } else {
                loop.of(known.join().getWorkerId())
                        .execute(() -> listener.studentSaid(known, message));
            }
        }

        private void join(WorkRequest message) {
            if (!message.hasJoin() || message.getJoin().getPrefetch() < 1) {
                throw new MeshException(
                        ErrorReason.STREAM_PROTOCOL,
                        "work stream starts with another message: found="
                                + message.getMessageCase()
                                + ", expected=join with prefetch of at least 1");
            }
            if (!message.getJoin().getVersion().equals(version)) {
                throw new MeshException(
                        ErrorReason.VERSION_MISMATCH,
                        "student is of another version: found="
                                + message.getJoin().getVersion()
                                + ", expected="
                                + version,
                        Map.of("found", message.getJoin().getVersion(), "expected", version));
            }
            StudentSession joined =
                    new StudentSession(
                            message.getJoin(),
                            NamedRun.of(message.getJoin().getRunRequestId(), certified),
                            writer);
            joined.send(
                    WorkResponse.newBuilder()
                            .setAccepted(
                                    WorkAccepted.newBuilder()
                                            .setLeaseDuration(
                                                    Durations.fromMillis(lease.toMillis()))),
                    0);
            synchronized (lock) {
                if (over) {
                    return; // silent for too long before it joined: nobody would tell of its loss
                }
                session = joined;
                loop.of(joined.join().getWorkerId()).execute(() -> listener.studentJoined(joined));
            }
        }

        private @Nullable StudentSession session() {
            synchronized (lock) {
                return session;
            }
        }

        void beat() {
            if (heard.expired()) {
                writer.fail(
                        new MeshException(
                                ErrorReason.STALE_EPOCH,
                                "student was silent for longer than its lease: lease=" + lease));
                ended(null);
                return;
            }
            StudentSession known = session();
            if (known != null) {
                known.beat();
            }
        }

        void ended(@Nullable Throwable cause) {
            writer.closed(cause);
            streams.remove(this);
            synchronized (lock) {
                StudentSession known = session;
                if (!over && known != null) {
                    loop.of(known.join().getWorkerId()).execute(() -> listener.studentLost(known));
                }
                over = true;
            }
        }
    }
}
