package io.abmesh.coordinator.worker;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.coordinator.run.Loop;
import io.abmesh.coordinator.run.TestingClock;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.transport.MeshSecurity;
import io.abmesh.proto.v1.JoinMeshRequest;
import io.abmesh.proto.v1.JoinMeshResponse;
import io.abmesh.proto.v1.StudentJoin;
import io.abmesh.proto.v1.WorkRequest;
import io.abmesh.proto.v1.WorkResponse;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Workers whose lease ends, with a clock that the test moves. */
final class SilentWorkersTest {
    private static final Duration LEASE = Duration.ofSeconds(10);
    private static final String VERSION = "1.0";
    private static final WorkRequest STUDENT =
            WorkRequest.newBuilder()
                    .setJoin(
                            StudentJoin.newBuilder()
                                    .setWorkerId("student-0")
                                    .setVersion(VERSION)
                                    .setPrefetch(1))
                    .build();
    private static final JoinMeshRequest TEACHER =
            JoinMeshRequest.newBuilder()
                    .setWorkerId("teacher-0")
                    .setAddress("127.0.0.1:1")
                    .setVersion(VERSION)
                    .build();

    private final TestingClock clock = new TestingClock();
    private final Loop loop = new Loop();
    private final List<String> told = new ArrayList<>();
    private final WorkerListener listener =
            new WorkerListener() {
                @Override
                public void studentJoined(StudentSession student) {
                    told.add("joined " + student.join().getWorkerId());
                }

                @Override
                public void studentSaid(StudentSession student, WorkRequest message) {
                    told.add("said " + student.join().getWorkerId());
                }

                @Override
                public void studentLost(StudentSession student) {
                    told.add("lost " + student.join().getWorkerId());
                }

                @Override
                public void teacherJoined(TeacherMember teacher) {
                    told.add("joined " + teacher.workerId());
                }

                @Override
                public void teacherLost(TeacherMember teacher) {
                    told.add("lost " + teacher.workerId());
                }
            };
    private final AssignmentGrpcService students =
            new AssignmentGrpcService(
                    loop,
                    listener,
                    responses -> {
                        throw new AssertionError("no file is published");
                    },
                    clock,
                    LEASE,
                    VERSION);
    private final MembershipGrpcService teachers =
            new MembershipGrpcService(
                    loop, listener, clock, LEASE, VERSION, MeshSecurity.plainText());

    @AfterEach
    void stop() {
        loop.close();
    }

    @Test
    void aStudentThatFallsSilentIsLostOnce() {
        Call<WorkResponse> call = new Call<>();
        StreamObserver<WorkRequest> requests = students.work(call);
        requests.onNext(STUDENT);
        clock.advance(LEASE.plusMillis(1));

        students.beat();
        call.cancelled.run();

        assertTold("joined student-0", "lost student-0");
        assertThat(call.failures).containsExactly(ErrorReason.STALE_EPOCH);
    }

    @Test
    void aTeacherThatFallsSilentIsLostOnce() {
        Call<JoinMeshResponse> call = new Call<>();
        StreamObserver<JoinMeshRequest> requests = teachers.joinMesh(call);
        requests.onNext(TEACHER);
        requests.onNext(TEACHER.toBuilder().setDraining(true).build());
        clock.advance(LEASE.plusMillis(1));

        teachers.beat();
        call.cancelled.run();

        assertTold("joined teacher-0", "lost teacher-0");
        assertThat(call.failures).containsExactly(ErrorReason.STALE_EPOCH);
    }

    @Test
    void aStudentWhoseFirstMessageComesBehindItsLeaseDoesNotJoin() {
        StreamObserver<WorkRequest> requests = students.work(new Call<>());
        clock.advance(LEASE.plusMillis(1));
        students.beat();

        requests.onNext(STUDENT);

        assertTold();
    }

    @Test
    void aTeacherWhoseFirstMessageComesBehindItsLeaseDoesNotJoin() {
        StreamObserver<JoinMeshRequest> requests = teachers.joinMesh(new Call<>());
        clock.advance(LEASE.plusMillis(1));
        teachers.beat();

        requests.onNext(TEACHER);

        assertTold();
    }

    private void assertTold(String... expected) {
        loop.close(); // its tasks have run then
        assertThat(told).containsExactly(expected);
    }

    /** The server's end of a call that is always ready. */
    private static final class Call<T> extends ServerCallStreamObserver<T> {
        private final List<ErrorReason> failures = new ArrayList<>();
        private Runnable cancelled = () -> {};

        @Override
        public void onNext(T message) {}

        @Override
        public void onError(Throwable cause) {
            failures.add(ErrorStatuses.fromThrowable(cause).reason());
        }

        @Override
        public void onCompleted() {}

        @Override
        public boolean isReady() {
            return true;
        }

        @Override
        public boolean isCancelled() {
            return false;
        }

        @Override
        public void setOnCloseHandler(Runnable handler) {}

        @Override
        public void setOnCancelHandler(Runnable handler) {
            cancelled = handler;
        }

        @Override
        public void setOnReadyHandler(Runnable handler) {}

        @Override
        public void setOnReadyThreshold(int bytes) {}

        @Override
        public void setCompression(String compression) {}

        @Override
        public void disableAutoInboundFlowControl() {}

        @Override
        public void disableAutoRequest() {}

        @Override
        public void request(int count) {}

        @Override
        public void setMessageCompression(boolean enable) {}
    }
}
