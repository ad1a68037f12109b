package io.abmesh.coordinator.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.abmesh.coordinator.cluster.operator.MeshCertificates;
import io.abmesh.coordinator.cluster.process.TestingClusterConfig;
import io.abmesh.coordinator.cluster.resource.DistillationRun;
import io.abmesh.coordinator.run.TestingPlans;
import io.abmesh.kube.ApiServer;
import io.abmesh.kube.Binaries;
import io.abmesh.kube.Waiting;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.identity.MeshRole;
import io.abmesh.proto.transport.MeshChannels;
import io.abmesh.proto.transport.MeshSecurity;
import io.abmesh.proto.v1.CancelClusterRunRequest;
import io.abmesh.proto.v1.ClusterRun;
import io.abmesh.proto.v1.ClusterServiceGrpc;
import io.abmesh.proto.v1.GetClusterRunRequest;
import io.abmesh.proto.v1.ListClusterRunsRequest;
import io.abmesh.proto.v1.SubmitClusterRunRequest;
import io.abmesh.proto.v1.SuspendClusterRunRequest;
import io.fabric8.kubernetes.api.model.Secret;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.dsl.Resource;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What people ask of a coordinator on a cluster, and every error that it declares. */
final class ClusterServiceIT {
    private static final Path ROOT = Path.of(System.getProperty("abmesh.root"));
    private static final Duration LIMIT = Duration.ofSeconds(60);

    @TempDir static Path serverDirectory;
    private static ApiServer server;

    @TempDir Path directory;
    private CoordinatorProcess coordinator;
    private MeshSecurity security;
    private ManagedChannel channel;

    @BeforeAll
    static void startServer() throws Exception {
        Optional<Binaries> binaries = Binaries.find();
        assumeTrue(binaries.isPresent(), Binaries.missing());
        server = ApiServer.start(binaries.get(), serverDirectory);
        System.setProperty(Config.KUBERNETES_KUBECONFIG_FILE, server.kubeconfig().toString());
        try (KubernetesClient admin = server.client();
                InputStream definition =
                        Files.newInputStream(
                                ROOT.resolve(
                                        "deploy/kubernetes/crd/distillationruns.abmesh.io.yaml"))) {
            admin.load(definition).create();
            Waiting.until(
                    "the definition is served",
                    LIMIT,
                    () ->
                            admin.raw("/apis/abmesh.io/v1alpha1/distillationruns")
                                    .contains("DistillationRunList"));
        }
    }

    @AfterAll
    static void stopServer() {
        System.clearProperty(Config.KUBERNETES_KUBECONFIG_FILE);
        if (server != null) {
            server.close();
        }
    }

    @BeforeEach
    void start() throws Exception {
        coordinator = open("default");
        try (KubernetesClient admin = server.client()) {
            Secret client =
                    admin.secrets()
                            .inNamespace("default")
                            .withName(MeshCertificates.CLIENT)
                            .waitUntilCondition(
                                    made -> made != null, LIMIT.toSeconds(), TimeUnit.SECONDS);
            security =
                    MeshSecurity.of(
                            MeshRole.CLIENT,
                            Optional.of(
                                    TestingCredentials.mount(directory.resolve("client"), client)));
        }
        channel =
                MeshChannels.open(
                        "test",
                        "127.0.0.1:" + coordinator.grpcPort(),
                        security,
                        MeshRole.COORDINATOR);
    }

    private CoordinatorProcess open(String namespace) {
        return CoordinatorProcess.start(
                new TestingConfig(directory.resolve(namespace)),
                new SimpleMeterRegistry(),
                "1.0",
                Optional.of(
                        TestingClusterConfig.of(
                                Map.of(
                                        "abmesh.cluster.namespace", namespace,
                                        "abmesh.cluster.images.student", "s",
                                        "abmesh.cluster.images.teacher", "t",
                                        "abmesh.cluster.images.student-cuda", "s",
                                        "abmesh.cluster.images.teacher-cuda", "t",
                                        "abmesh.cluster.period", "1s",
                                        "abmesh.cluster.request-timeout", "5s"))));
    }

    @AfterEach
    void stop() {
        MeshChannels.close(channel, Duration.ZERO);
        security.close();
        coordinator.close();
    }

    private ClusterServiceGrpc.ClusterServiceBlockingStub stub() {
        return ClusterServiceGrpc.newBlockingStub(channel)
                .withDeadlineAfter(LIMIT.toSeconds(), TimeUnit.SECONDS);
    }

    private static SubmitClusterRunRequest request(String name) {
        return SubmitClusterRunRequest.newBuilder()
                .setName(name)
                .setPlanYaml(TestingPlans.supervised())
                .setStudentCount(2)
                .build();
    }

    private static MeshException refusal(Runnable call) {
        return ErrorStatuses.fromThrowable(
                catchThrowableOfType(StatusRuntimeException.class, call::run));
    }

    @Test
    void aSubmittedRunIsAResourceThatIsListedSuspendedAndCancelled() {
        ClusterRun made = stub().submitClusterRun(request("one")).getRun();
        assertThat(made.getName()).isEqualTo("one");
        assertThat(made.getStepSampleCount()).isEqualTo(10);
        assertThat(stub().submitClusterRun(request("one")).getRun().getCreateTime())
                .as("the same again is the same run")
                .isEqualTo(made.getCreateTime());
        stub().suspendClusterRun(
                        SuspendClusterRunRequest.newBuilder()
                                .setName("one")
                                .setSuspend(true)
                                .build());
        Waiting.until("it stands still", LIMIT, () -> get("one").getPhase().equals("Suspended"));
        assertThat(
                        stub().listClusterRuns(ListClusterRunsRequest.getDefaultInstance())
                                .getRunsList())
                .extracting(ClusterRun::getName)
                .contains("one");
        stub().cancelClusterRun(CancelClusterRunRequest.newBuilder().setName("one").build());
        Waiting.until(
                "it has ended, or is gone because it never began",
                LIMIT,
                () ->
                        stub()
                                .listClusterRuns(ListClusterRunsRequest.getDefaultInstance())
                                .getRunsList()
                                .stream()
                                .allMatch(run -> run.getPhase().equals("Cancelled")));
    }

    @Test
    void whoSubmitsARunThatIsThereIsTold() {
        assertThat(stub().submitClusterRun(request("again")).getWarningsList())
                .noneMatch(warning -> warning.contains("is there already"));
        assertThat(
                        stub().submitClusterRun(
                                        request("again").toBuilder().setStudentCount(5).build())
                                .getWarningsList())
                .last()
                .asString()
                .matches(
                        "run again is there already, nothing is begun or changed:"
                                + " phase=(Pending|Starting), students=2, teachers=1 to \\d+");
        try (KubernetesClient admin = server.client()) {
            Resource<DistillationRun> run =
                    admin.resources(DistillationRun.class).inNamespace("default").withName("again");
            run.edit(
                    held -> {
                        held.addFinalizer("abmesh.io/test");
                        return held;
                    });
            run.delete();
            assertThat(refusal(() -> stub().submitClusterRun(request("again"))))
                    .hasMessage(
                            "run is being deleted: found=again, expected=another name, or this when"
                                    + " it is gone")
                    .satisfies(
                            refusal ->
                                    assertThat(refusal.reason())
                                            .isEqualTo(ErrorReason.CLUSTER_REFUSED));
            run.edit(
                    held -> {
                        held.removeFinalizer("abmesh.io/test");
                        return held;
                    });
        }
    }

    private ClusterRun get(String name) {
        return stub().getClusterRun(GetClusterRunRequest.newBuilder().setName(name).build())
                .getRun();
    }

    @Test
    void aBadPlanIsRefusedWithEveryProblem() {
        MeshException refusal =
                refusal(
                        () ->
                                stub().submitClusterRun(
                                                request("bad").toBuilder()
                                                        .addOverrides("batch=1")
                                                        .addOverrides("student.network=wrn-11-1")
                                                        .build()));
        assertThat(refusal.reason()).isEqualTo(ErrorReason.INVALID_PLAN);
        assertThat(refusal.fieldViolations()).hasSize(2);
    }

    @Test
    void aNameThatNoResourceCanHaveIsRefused() {
        assertThat(refusal(() -> stub().submitClusterRun(request("One_1"))).reason())
                .isEqualTo(ErrorReason.INVALID_REQUEST);
    }

    @Test
    void aRunThatIsNotThereIsNotFound() {
        assertThat(refusal(() -> get("nobody")).reason()).isEqualTo(ErrorReason.RUN_NOT_FOUND);
        assertThat(
                        refusal(
                                        () ->
                                                stub().suspendClusterRun(
                                                                SuspendClusterRunRequest
                                                                        .newBuilder()
                                                                        .setName("nobody")
                                                                        .build()))
                                .reason())
                .isEqualTo(ErrorReason.RUN_NOT_FOUND);
        assertThat(
                        refusal(
                                        () ->
                                                stub().cancelClusterRun(
                                                                CancelClusterRunRequest.newBuilder()
                                                                        .setName("nobody")
                                                                        .build()))
                                .reason())
                .isEqualTo(ErrorReason.RUN_NOT_FOUND);
    }

    @Test
    void whatTheApiServerRefusesIsRefused() {
        var unused = stub().submitClusterRun(request("twice"));
        SubmitClusterRunRequest another =
                request("twice").toBuilder().addOverrides("seed=7").build();
        assertThat(refusal(() -> stub().submitClusterRun(another)).reason())
                .isEqualTo(ErrorReason.CLUSTER_REFUSED);
        stub().cancelClusterRun(CancelClusterRunRequest.newBuilder().setName("twice").build());
    }

    @Test
    void aCoordinatorThatCannotMakeCertificatesDoesNotStart() {
        assertThatThrownBy(() -> open("no-such-namespace"))
                .isInstanceOfSatisfying(
                        MeshException.class,
                        e -> assertThat(e.reason()).isEqualTo(ErrorReason.CLUSTER_REFUSED))
                .hasMessageStartingWith("the API server refuses: secret=abmesh-ca, cause=");
    }

    @Test
    void anApiServerThatIsAwayIsUnavailable() throws Exception {
        server.stopApiServer();
        try {
            assertThat(
                            refusal(
                                            () ->
                                                    stub().listClusterRuns(
                                                                    ListClusterRunsRequest
                                                                            .getDefaultInstance()))
                                    .reason())
                    .isEqualTo(ErrorReason.CLUSTER_UNAVAILABLE);
        } finally {
            server.startApiServerAgain();
        }
    }

    @Test
    void aCoordinatorWithoutImagesForWorkersDoesNotStart() {
        assertThatThrownBy(
                        () ->
                                CoordinatorProcess.start(
                                        new TestingConfig(directory.resolve("other")),
                                        new SimpleMeterRegistry(),
                                        "1.0",
                                        Optional.of(
                                                TestingClusterConfig.of(
                                                        Map.of(
                                                                "abmesh.cluster.images.student",
                                                                "s")))))
                .hasMessage(
                        "a coordinator on a cluster needs images of workers:"
                                + " missing=[abmesh.cluster.images.student-cuda,"
                                + " abmesh.cluster.images.teacher,"
                                + " abmesh.cluster.images.teacher-cuda]");
    }
}
