package io.abmesh.coordinator.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.abmesh.coordinator.process.TestingStudent.Checkpoints;
import io.abmesh.coordinator.run.TestingPlans;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.identity.MeshIdentity;
import io.abmesh.proto.identity.MeshRole;
import io.abmesh.proto.transport.MeshChannels;
import io.abmesh.proto.transport.MeshSecurity;
import io.abmesh.proto.v1.ArtifactHeader;
import io.abmesh.proto.v1.AssignmentServiceGrpc;
import io.abmesh.proto.v1.BatchServiceGrpc;
import io.abmesh.proto.v1.FetchBatchRequest;
import io.abmesh.proto.v1.JoinMeshRequest;
import io.abmesh.proto.v1.ListRunsRequest;
import io.abmesh.proto.v1.MembershipServiceGrpc;
import io.abmesh.proto.v1.PublishArtifactRequest;
import io.abmesh.proto.v1.RunServiceGrpc;
import io.abmesh.proto.v1.RunState;
import io.abmesh.proto.v1.StudentJoin;
import io.abmesh.proto.v1.SubmitRunRequest;
import io.abmesh.proto.v1.WatchRunRequest;
import io.abmesh.proto.v1.WatchRunResponse;
import io.abmesh.proto.v1.WorkRequest;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who may do what at a coordinator with TLS. */
final class CoordinatorSecurityIT {
    private static final String VERSION = "1.0";
    private static final long DEADLINE_SECONDS = 60;
    private static final MeshIdentity CLIENT = MeshIdentity.of("mesh", MeshRole.CLIENT);

    @TempDir Path directory;

    private final TestingCredentials credentials = new TestingCredentials();
    private final Deque<AutoCloseable> opened = new ArrayDeque<>();
    private CoordinatorProcess coordinator;

    @BeforeEach
    void start() throws Exception {
        Path own =
                credentials.write(
                        directory.resolve("coordinator"),
                        MeshIdentity.of("mesh", MeshRole.COORDINATOR));
        coordinator =
                CoordinatorProcess.start(
                        new TestingConfig(
                                directory.resolve("store"), Optional.of(own), Optional.empty()),
                        new SimpleMeterRegistry(),
                        VERSION);
        opened.push(coordinator);
    }

    @AfterEach
    void stop() throws Exception {
        while (!opened.isEmpty()) {
            opened.pop().close();
        }
    }

    @Test
    void aRunIsLearnedByTheWorkersThatAreCertifiedForItAndNoOthers() throws Exception {
        TestingStudent strangeStudent = student("two");
        TestingTeacher strangeTeacher = teacher("two");
        TestingStudent student = student("one");
        TestingTeacher teacher = teacher("one");
        TestingMesh.awaitWorkers(coordinator, 2, 2);
        String run = submit("one");

        WatchRunResponse last = WatchRunResponse.getDefaultInstance();
        Iterator<WatchRunResponse> updates =
                RunServiceGrpc.newBlockingStub(channel(CLIENT))
                        .withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS)
                        .watchRun(
                                WatchRunRequest.newBuilder()
                                        .setRunId(run)
                                        .setAfterEvent(-1)
                                        .build());
        while (updates.hasNext()) {
            last = updates.next();
        }
        assertThat(last.getRun().getState()).isEqualTo(RunState.RUN_STATE_SUCCEEDED);
        assertThat(student.told).contains("end-track distilled");
        assertThat(teacher.announced).isNotEmpty();
        assertThat(strangeStudent.refused()).isNotDone();
        assertThat(strangeStudent.told).isEmpty();
        assertThat(strangeTeacher.announced).isEmpty();
    }

    @Test
    void aStudentIsNoTeacherAndNobodyIsWhatItsCertificateDoesNotSay() throws Exception {
        MeshIdentity student = MeshIdentity.of("mesh", "one", MeshRole.STUDENT);
        MeshIdentity teacher = MeshIdentity.of("mesh", "one", MeshRole.TEACHER);
        MeshException refusal =
                refusal(
                        student,
                        MembershipServiceGrpc.getJoinMeshMethod(),
                        JoinMeshRequest.getDefaultInstance());
        assertThat(refusal.reason()).isEqualTo(ErrorReason.ROLE_NOT_ALLOWED);
        assertThat(refusal)
                .hasMessage(
                        "caller may not use abmesh.v1.MembershipService:"
                                + " found=spiffe://mesh/run/one/student, expected=teacher of mesh");
        for (MeshIdentity other : List.of(teacher, CLIENT)) {
            assertThat(
                            refusal(
                                            other,
                                            AssignmentServiceGrpc.getWorkMethod(),
                                            WorkRequest.getDefaultInstance())
                                    .reason())
                    .isEqualTo(ErrorReason.ROLE_NOT_ALLOWED);
            assertThat(
                            refusal(
                                            other,
                                            BatchServiceGrpc.getFetchBatchMethod(),
                                            FetchBatchRequest.getDefaultInstance())
                                    .reason())
                    .isEqualTo(ErrorReason.ROLE_NOT_ALLOWED);
        }
        for (MeshIdentity other : List.of(teacher, student)) {
            assertThat(
                            refusal(
                                            other,
                                            RunServiceGrpc.getListRunsMethod(),
                                            ListRunsRequest.getDefaultInstance())
                                    .reason())
                    .isEqualTo(ErrorReason.ROLE_NOT_ALLOWED);
        }
    }

    @Test
    void aWorkerIsForTheRunOfItsCertificateWhateverItSays() throws Exception {
        MeshException student =
                refusal(
                        MeshIdentity.of("mesh", "one", MeshRole.STUDENT),
                        AssignmentServiceGrpc.getWorkMethod(),
                        WorkRequest.newBuilder()
                                .setJoin(
                                        StudentJoin.newBuilder()
                                                .setWorkerId("student-0")
                                                .setVersion(VERSION)
                                                .setPrefetch(1)
                                                .setRunRequestId("two"))
                                .build());
        MeshException teacher =
                refusal(
                        MeshIdentity.of("mesh", "one", MeshRole.TEACHER),
                        MembershipServiceGrpc.getJoinMeshMethod(),
                        JoinMeshRequest.newBuilder()
                                .setWorkerId("teacher-0")
                                .setAddress("127.0.0.1:1")
                                .setVersion(VERSION)
                                .setRunRequestId("two")
                                .build());
        for (MeshException refusal : List.of(student, teacher)) {
            assertThat(refusal.reason()).isEqualTo(ErrorReason.ROLE_NOT_ALLOWED);
            assertThat(refusal)
                    .hasMessage(
                            "worker is for another run than its certificate: found=two,"
                                    + " expected=one");
        }
    }

    @Test
    void aStudentReachesNothingOfAnotherRun() throws Exception {
        String run = submit("one");
        MeshIdentity stranger = MeshIdentity.of("mesh", "two", MeshRole.STUDENT);
        MeshException fetch =
                refusal(
                        stranger,
                        BatchServiceGrpc.getFetchBatchMethod(),
                        FetchBatchRequest.newBuilder().setBatchId(run + "/1/step-0").build());
        assertThat(fetch.reason()).isEqualTo(ErrorReason.ROLE_NOT_ALLOWED);
        assertThat(fetch).hasMessage("caller works for another run: found=two, expected=one");
        MeshException publish =
                refusal(
                        stranger,
                        AssignmentServiceGrpc.getPublishArtifactMethod(),
                        PublishArtifactRequest.newBuilder()
                                .setHeader(
                                        ArtifactHeader.newBuilder()
                                                .setRunId(run)
                                                .setName("student.onnx")
                                                .setSizeBytes(1)
                                                .setSha256("ab".repeat(32)))
                                .build());
        assertThat(publish.reason()).isEqualTo(ErrorReason.ROLE_NOT_ALLOWED);
    }

    @Test
    void aCoordinatorWithAWorkersCertificateDoesNotStart() throws Exception {
        Path student =
                credentials.write(
                        directory.resolve("student"),
                        MeshIdentity.of("mesh", "one", MeshRole.STUDENT));
        assertThatThrownBy(
                        () ->
                                CoordinatorProcess.start(
                                        new TestingConfig(
                                                directory.resolve("other"),
                                                Optional.of(student),
                                                Optional.empty()),
                                        new SimpleMeterRegistry(),
                                        VERSION))
                .hasMessageEndingWith("found=spiffe://mesh/run/one/student, expected=coordinator");
    }

    private String submit(String request) throws Exception {
        return RunServiceGrpc.newBlockingStub(channel(CLIENT))
                .withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS)
                .submitRun(
                        SubmitRunRequest.newBuilder()
                                .setRequestId(request)
                                .setPlanYaml(TestingPlans.distilled())
                                .setBaseDirectory(directory.toString())
                                .build())
                .getRun()
                .getRunId();
    }

    private TestingStudent student(String run) throws Exception {
        TestingStudent student =
                new TestingStudent(
                        "student-" + run,
                        new Checkpoints(),
                        security(MeshIdentity.of("mesh", run, MeshRole.STUDENT)));
        opened.push(student);
        student.connect(address(), VERSION);
        return student;
    }

    private TestingTeacher teacher(String run) throws Exception {
        TestingTeacher teacher =
                new TestingTeacher(
                        "teacher-" + run, security(MeshIdentity.of("mesh", run, MeshRole.TEACHER)));
        opened.push(teacher);
        teacher.join(address(), VERSION);
        return teacher;
    }

    private MeshSecurity security(MeshIdentity identity) throws Exception {
        Path files = directory.resolve(identity.uri().getPath().substring(1));
        MeshSecurity security =
                MeshSecurity.of(identity.role(), Optional.of(credentials.write(files, identity)));
        opened.push(security);
        return security;
    }

    private ManagedChannel channel(MeshIdentity identity) throws Exception {
        ManagedChannel channel =
                MeshChannels.open("test", address(), security(identity), MeshRole.COORDINATOR);
        opened.push(() -> MeshChannels.close(channel, Duration.ZERO));
        return channel;
    }

    private String address() {
        return "127.0.0.1:" + coordinator.grpcPort();
    }

    /** Begins a call of any kind, sends one message and returns how the call fails. */
    private <Q, A> MeshException refusal(
            MeshIdentity caller, MethodDescriptor<Q, A> method, Q message) throws Exception {
        CompletableFuture<MeshException> refusal = new CompletableFuture<>();
        StreamObserver<Q> call =
                ClientCalls.asyncBidiStreamingCall(
                        channel(caller)
                                .newCall(
                                        method,
                                        CallOptions.DEFAULT.withDeadlineAfter(
                                                DEADLINE_SECONDS, TimeUnit.SECONDS)),
                        new StreamObserver<>() {
                            @Override
                            public void onNext(A answer) {}

                            @Override
                            public void onError(Throwable cause) {
                                refusal.complete(ErrorStatuses.fromThrowable(cause));
                            }

                            @Override
                            public void onCompleted() {
                                refusal.completeExceptionally(
                                        new AssertionError("the call is not refused"));
                            }
                        });
        call.onNext(message);
        call.onCompleted();
        return refusal.get(DEADLINE_SECONDS, TimeUnit.SECONDS);
    }
}
