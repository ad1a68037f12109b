package io.abmesh.teacher.membership;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.transport.MeshSecurity;
import io.abmesh.proto.transport.MeshServer;
import io.abmesh.proto.v1.JoinMeshRequest;
import io.abmesh.proto.v1.JoinMeshResponse;
import io.abmesh.proto.v1.MembershipServiceGrpc.MembershipServiceImplBase;
import io.grpc.stub.StreamObserver;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class MeshMemberIT {
    private static final JoinMeshRequest JOIN =
            JoinMeshRequest.newBuilder()
                    .setWorkerId("teacher-0")
                    .setAddress("127.0.0.1:1")
                    .setVersion("1")
                    .setModelSha256("ab")
                    .build();
    private static final Duration LEASE = Duration.ofMillis(300);

    @Test
    void joinsBeatsDrainsAndLeaves() throws Exception {
        TestingMembershipService coordinator = new TestingMembershipService(LEASE, false);
        try (MeshServer server = start(coordinator, 0)) {
            MeshMember member = MeshMember.join(JOIN, server.address(), MeshSecurity.plainText());

            assertThat(next(coordinator)).isEqualTo(JOIN);
            assertThat(next(coordinator)).isEqualTo(JoinMeshRequest.getDefaultInstance());
            assertThat(next(coordinator)).isEqualTo(JoinMeshRequest.getDefaultInstance());
            member.drain();
            Object said = next(coordinator);
            while (said.equals(JoinMeshRequest.getDefaultInstance())) {
                said = next(coordinator);
            }
            assertThat(said).isEqualTo(JOIN.toBuilder().setDraining(true).build());
            member.close();
            said = next(coordinator);
            while (said.equals(JoinMeshRequest.getDefaultInstance())) {
                said = next(coordinator);
            }
            assertThat(said).isEqualTo(TestingMembershipService.LEFT);
        }
    }

    @Test
    void startsBeforeItsCoordinatorAndJoinsAgainAfterItsRestart() throws Exception {
        int port;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }
        try (MeshMember member =
                MeshMember.join(JOIN, "127.0.0.1:" + port, MeshSecurity.plainText())) {
            assertThat(member).isNotNull();
            TestingMembershipService first = new TestingMembershipService(LEASE, false);
            MeshServer server = start(first, port);
            assertThat(next(first)).isEqualTo(JOIN);
            server.stop(Duration.ZERO);

            TestingMembershipService second = new TestingMembershipService(LEASE, false);
            try (MeshServer restarted = start(second, port)) {
                assertThat(restarted.port()).isEqualTo(port);
                assertThat(next(second)).isEqualTo(JOIN);
            }
        }
    }

    @Test
    void doesNotAskAgainACoordinatorThatRefusesItForGood() throws Exception {
        int port;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }
        try (MeshMember member =
                        MeshMember.join(JOIN, "127.0.0.1:" + port, MeshSecurity.plainText());
                MeshServer server =
                        MeshServer.start(
                                "coordinator", "127.0.0.1", port, 2, List.of(new Refusing()))) {
            assertThat(server.port()).isEqualTo(port);
            MeshException refusal = member.refusal().get(60, TimeUnit.SECONDS);
            assertThat(refusal.reason()).isEqualTo(ErrorReason.VERSION_MISMATCH);
            assertThat(refusal).hasMessage("teacher is of another version");
        }
    }

    private static final class Refusing extends MembershipServiceImplBase {
        @Override
        public StreamObserver<JoinMeshRequest> joinMesh(StreamObserver<JoinMeshResponse> answer) {
            throw new MeshException(ErrorReason.VERSION_MISMATCH, "teacher is of another version");
        }
    }

    @Test
    void joinsAgainWhenTheCoordinatorIsSilentForAWholeLease() throws Exception {
        TestingMembershipService coordinator = new TestingMembershipService(LEASE, true);
        try (MeshServer server = start(coordinator, 0);
                MeshMember member =
                        MeshMember.join(JOIN, server.address(), MeshSecurity.plainText())) {
            assertThat(member).isNotNull();
            assertThat(next(coordinator)).isEqualTo(JOIN);
            Object said = next(coordinator);
            while (said.equals(JoinMeshRequest.getDefaultInstance())) {
                said = next(coordinator);
            }
            assertThat(said).isEqualTo(JOIN);
        }
    }

    private static Object next(TestingMembershipService coordinator) throws InterruptedException {
        Object said = coordinator.heard.poll(60, TimeUnit.SECONDS);
        assertThat(said).as("a message within fifteen seconds").isNotNull();
        return said;
    }

    private static MeshServer start(TestingMembershipService coordinator, int port) {
        return MeshServer.start("coordinator", "127.0.0.1", port, 2, List.of(coordinator));
    }
}
