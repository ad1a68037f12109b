package io.abmesh.teacher.membership;

import com.google.protobuf.util.Durations;
import io.abmesh.proto.v1.JoinMeshRequest;
import io.abmesh.proto.v1.JoinMeshResponse;
import io.abmesh.proto.v1.MembershipServiceGrpc.MembershipServiceImplBase;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/** A coordinator that writes down what workers say and answers each message, or nothing. */
public final class TestingMembershipService extends MembershipServiceImplBase {
    /** What is heard when a worker half-closes. */
    public static final String LEFT = "left";

    /** Every message, and {@link #LEFT}. */
    public final BlockingQueue<Object> heard = new LinkedBlockingQueue<>();

    private final Duration lease;
    private final boolean silent;

    public TestingMembershipService(Duration lease, boolean silent) {
        this.lease = lease;
        this.silent = silent;
    }

    @Override
    public StreamObserver<JoinMeshRequest> joinMesh(StreamObserver<JoinMeshResponse> answer) {
        return new StreamObserver<>() {
            private int messages;

            @Override
            public void onNext(JoinMeshRequest request) {
                heard.add(request);
                // A silent one says its lease once and falls silent.
                if (!silent || messages++ == 0) {
                    answer.onNext(
                            JoinMeshResponse.newBuilder()
                                    .setLeaseDuration(Durations.fromMillis(lease.toMillis()))
                                    .build());
                }
            }

            @Override
            public void onError(Throwable cause) {}

            @Override
            public void onCompleted() {
                heard.add(LEFT);
                answer.onCompleted();
            }
        };
    }
}
