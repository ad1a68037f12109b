package io.abmesh.coordinator.worker;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.protobuf.util.Durations;
import io.abmesh.coordinator.run.Loop;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.transport.Caller;
import io.abmesh.proto.transport.MeshChannels;
import io.abmesh.proto.transport.MeshSecurity;
import io.abmesh.proto.transport.PacedWriter;
import io.abmesh.proto.v1.JoinMeshRequest;
import io.abmesh.proto.v1.JoinMeshResponse;
import io.abmesh.proto.v1.MembershipServiceGrpc;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** Where teacher-workers make themselves known. */
public final class MembershipGrpcService extends MembershipServiceGrpc.MembershipServiceImplBase {
    private final Loop loop;
    private final WorkerListener listener;
    private final Clock clock;
    private final Duration lease;
    private final String version;
    private final MeshSecurity security;
    private final AtomicLong numbers = new AtomicLong();
    private final List<Stream> streams = new CopyOnWriteArrayList<>();

    /**
     * Makes the service.
     *
     * @param clock measures leases
     * @param lease silence after which a teacher is lost
     * @param version of this program; a teacher of another is refused
     * @param security of this process; a teacher that it may not call is refused; borrowed
     */
    public MembershipGrpcService(
            Loop loop,
            WorkerListener listener,
            Clock clock,
            Duration lease,
            String version,
            MeshSecurity security) {
        this.loop = loop;
        this.listener = listener;
        this.clock = clock;
        this.lease = lease;
        this.version = version;
        this.security = security;
    }

    /** Sends heartbeats and ends the streams of silent teachers; called at a third of the lease. */
    public void beat() {
        for (Stream stream : streams) {
            stream.beat();
        }
    }

    @Override
    public StreamObserver<JoinMeshRequest> joinMesh(StreamObserver<JoinMeshResponse> responses) {
        ServerCallStreamObserver<JoinMeshResponse> call =
                (ServerCallStreamObserver<JoinMeshResponse>) responses;
        PacedWriter<JoinMeshResponse> writer = new PacedWriter<>(lease);
        writer.attach(call);
        Stream stream = new Stream(writer, Caller.run());
        call.setOnCancelHandler(() -> stream.ended(null));
        // A call that this server refuses is closed without being cancelled.
        call.setOnCloseHandler(() -> stream.ended(null));
        streams.add(stream);
        return new StreamObserver<>() {
            @Override
            public void onNext(JoinMeshRequest message) {
                stream.said(message);
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

    /** One teacher's stream. */
    private final class Stream {
        private final PacedWriter<JoinMeshResponse> writer;
        private final Optional<String> certified;
        private final Lease heard = new Lease(clock, lease);
        private final Object lock = new Object();

        @GuardedBy("lock")
        private @Nullable TeacherMember member;

        @GuardedBy("lock")
        private boolean over;

        Stream(PacedWriter<JoinMeshResponse> writer, Optional<String> certified) {
            this.writer = writer;
            this.certified = certified;
        }

        void said(JoinMeshRequest message) {
            heard.renew();
            if (member() == null) {
                join(message);
            } else if (message.getDraining()) {
                lost();
            }
        }

        private void join(JoinMeshRequest message) {
            if (message.getAddress().isEmpty() || message.getWorkerId().isEmpty()) {
                throw new MeshException(
                        ErrorReason.STREAM_PROTOCOL,
                        "membership starts without a name or an address: found=" + message);
            }
            if (!message.getVersion().equals(version)) {
                throw new MeshException(
                        ErrorReason.VERSION_MISMATCH,
                        "teacher is of another version: found="
                                + message.getVersion()
                                + ", expected="
                                + version,
                        Map.of("found", message.getVersion(), "expected", version));
            }
            MeshChannels.requireAllowed(security, message.getAddress());
            TeacherMember joined =
                    new TeacherMember(
                            numbers.incrementAndGet(),
                            message.getWorkerId(),
                            message.getAddress(),
                            message.getModelSha256(),
                            NamedRun.of(message.getRunRequestId(), certified));
            answer();
            synchronized (lock) {
                if (over) {
                    return; // silent for too long before it joined: nobody would tell of its loss
                }
                member = joined;
                loop.of(joined.workerId()).execute(() -> listener.teacherJoined(joined));
            }
        }

        private @Nullable TeacherMember member() {
            synchronized (lock) {
                return member;
            }
        }

        /** Tells, once, that a teacher that joined takes no more work. */
        private void lost() {
            synchronized (lock) {
                TeacherMember known = member;
                if (!over && known != null) {
                    loop.of(known.workerId()).execute(() -> listener.teacherLost(known));
                }
                over = true;
            }
        }

        private void answer() {
            writer.tryWrite(
                    JoinMeshResponse.newBuilder()
                            .setLeaseDuration(Durations.fromMillis(lease.toMillis()))
                            .build());
        }

        void beat() {
            if (heard.expired()) {
                writer.fail(
                        new MeshException(
                                ErrorReason.STALE_EPOCH,
                                "teacher was silent for longer than its lease: lease=" + lease));
                ended(null);
            } else if (member() != null) {
                answer();
            }
        }

        void ended(@Nullable Throwable cause) {
            writer.closed(cause);
            streams.remove(this);
            lost();
        }
    }
}
