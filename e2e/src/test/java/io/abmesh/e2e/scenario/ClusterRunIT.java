package io.abmesh.e2e.scenario;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.abmesh.e2e.harness.AbmeshCommand;
import io.abmesh.e2e.harness.CertManagerAuthority;
import io.abmesh.e2e.harness.Http;
import io.abmesh.e2e.harness.Kubectl;
import io.abmesh.e2e.harness.PodProcesses;
import io.abmesh.kube.ApiServer;
import io.abmesh.kube.Binaries;
import io.abmesh.kube.TestingKubelet;
import io.abmesh.kube.Waiting;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.identity.MeshRole;
import io.abmesh.proto.transport.MeshChannels;
import io.abmesh.proto.transport.MeshSecurity;
import io.abmesh.proto.v1.JoinMeshRequest;
import io.abmesh.proto.v1.JoinMeshResponse;
import io.abmesh.proto.v1.MembershipServiceGrpc;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.SecretBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.dsl.base.ResourceDefinitionContext;
import io.grpc.ManagedChannel;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * From {@code kubectl apply} to a student: a real API server and its controllers, the packaged
 * coordinator as operator, and the packaged workers for the pods that it makes.
 */
final class ClusterRunIT {
    private static final String NAMESPACE = "abmesh";
    private static final String RUN = "quickstart";
    private static final Duration LIMIT = Duration.ofMinutes(4);
    private static final Path ROOT = AbmeshCommand.root();

    @TempDir Path directory;
    private ApiServer server;
    private KubernetesClient client;
    private PodProcesses pods;
    private TestingKubelet kubelet;
    private Process coordinator;
    private Path coordinatorLog;
    private int port;
    private int httpPort;

    @BeforeEach
    void start() throws Exception {
        Optional<Binaries> binaries = Binaries.find();
        assumeTrue(binaries.isPresent(), Binaries.missing());
        server =
                ApiServer.start(
                        binaries.get(), Files.createDirectories(directory.resolve("server")));
        client = server.client();
        client.resource(
                        new NamespaceBuilder()
                                .withNewMetadata()
                                .withName(NAMESPACE)
                                .endMetadata()
                                .build())
                .create();
        load("deploy/kubernetes/crd/distillationruns.abmesh.io.yaml");
        client.apiextensions()
                .v1()
                .customResourceDefinitions()
                .withName("distillationruns.abmesh.io")
                .waitUntilCondition(
                        crd ->
                                crd.getStatus() != null
                                        && crd.getStatus().getConditions() != null
                                        && crd.getStatus().getConditions().stream()
                                                .anyMatch(c -> c.getType().equals("Established")),
                        30,
                        TimeUnit.SECONDS);
        pods = new PodProcesses(client, Files.createDirectories(directory.resolve("pods")));
        kubelet = new TestingKubelet(client, NAMESPACE, pods, Clock.systemUTC());
        coordinatorLog = directory.resolve("pods/coordinator.log");
        port = freePort();
        httpPort = freePort();
        startCoordinator();
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    /** Puts what people get into a folder, as the page on Kubernetes says. */
    private void fetchClient() throws IOException, InterruptedException {
        client.secrets()
                .inNamespace(NAMESPACE)
                .withName("abmesh-client")
                .waitUntilCondition(made -> made != null, LIMIT.toSeconds(), TimeUnit.SECONDS);
        Path folder = Files.createDirectories(directory.resolve("client"));
        for (String name : List.of("tls.crt", "tls.key", "ca.crt")) {
            Files.writeString(
                    folder.resolve(name),
                    kubectl(
                            "get",
                            "secret",
                            "abmesh-client",
                            "-o",
                            "go-template={{index .data \"" + name + "\" | base64decode}}"));
        }
    }

    private AbmeshCommand.Outcome abmesh(String... arguments)
            throws IOException, InterruptedException {
        Map<String, String> environment =
                Map.of(
                        "ABMESH_COORDINATOR", address(),
                        "ABMESH_TLS", directory.resolve("client").toString());
        try (AbmeshCommand command = AbmeshCommand.start(directory, environment, arguments)) {
            return command.await();
        }
    }

    private void startCoordinator() throws IOException {
        ProcessBuilder builder =
                new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-Xmx384m",
                        "-jar",
                        ROOT.resolve("coordinator/target/quarkus-app/quarkus-run.jar").toString());
        builder.environment().put("KUBECONFIG", server.kubeconfig().toString());
        builder.environment().put("ABMESH_COORDINATOR_GRPC_PORT", String.valueOf(port));
        builder.environment().put("QUARKUS_HTTP_PORT", String.valueOf(httpPort));
        builder.environment()
                .put("ABMESH_COORDINATOR_STORE_DIRECTORY", directory.resolve("store").toString());
        builder.environment().put("ABMESH_CLUSTER_ENABLED", "true");
        builder.environment().put("ABMESH_CLUSTER_NAMESPACE", NAMESPACE);
        builder.environment().put("ABMESH_CLUSTER_PERIOD", "1s");
        builder.environment().put("ABMESH_CLUSTER_LEASE", "3s");
        builder.environment().put("ABMESH_CLUSTER_DATA_DIRECTORY", directory.toString());
        builder.environment().put("ABMESH_CLUSTER_COORDINATOR_ADDRESS", address());
        for (String image : List.of("STUDENT", "TEACHER", "STUDENT_CUDA", "TEACHER_CUDA")) {
            builder.environment().put("ABMESH_CLUSTER_IMAGES_" + image, "packaged");
        }
        coordinator =
                builder.redirectErrorStream(true)
                        .redirectOutput(ProcessBuilder.Redirect.appendTo(coordinatorLog.toFile()))
                        .start();
    }

    private String address() {
        return "127.0.0.1:" + port;
    }

    @AfterEach
    void stop() {
        if (coordinator != null) {
            coordinator.destroyForcibly();
        }
        if (kubelet != null) {
            kubelet.close();
            pods.close();
            client.close();
        }
        if (server != null) {
            server.close();
        }
    }

    private void load(String file) throws IOException {
        try (InputStream input = Files.newInputStream(ROOT.resolve(file))) {
            client.load(input).inNamespace(NAMESPACE).create();
        }
    }

    @Test
    void anAppliedRunBecomesAStudentThoughAPodAndTheOperatorAreLostAndItStandsStillOnTheWay()
            throws Exception {
        String run =
                Files.readString(ROOT.resolve("deploy/kubernetes/examples/quickstart.yaml"))
                        .replace("images: 500", "images: 128")
                        .replace("epochs: 20", "epochs: 4")
                        .replace("epochs: 40", "epochs: 12")
                        .replace("batch: 64", "batch: 32\n    checkpointEverySteps: 4")
                        .replace(
                                "      augmentation",
                                "      test: {images: 200}\n      augmentation");
        Path file = Files.writeString(directory.resolve("run.yaml"), run);
        kubectl("apply", "-f", file.toString());
        fetchClient();

        awaitRun(r -> phase(r).equals("Running") && step(r) >= 6);
        assertThat(kubectl("get", "pods", "-l", "abmesh.io/run=" + RUN))
                .contains("quickstart-student-0", "quickstart-teacher-");
        Pod student = pod("quickstart-student-0");
        pods.kill(student);
        client.resource(student).withGracePeriod(0).delete();
        awaitRun(r -> phase(r).equals("Running") && step(r) >= 20);
        coordinator.destroyForcibly().waitFor(60, TimeUnit.SECONDS);
        startCoordinator();
        kubectl("patch", "drun", RUN, "--type=merge", "-p", "{\"spec\":{\"suspend\":true}}");
        awaitRun(r -> phase(r).equals("Suspended"));
        Waiting.until(
                "the workers have left",
                LIMIT,
                () -> client.pods().inNamespace(NAMESPACE).list().getItems().isEmpty());
        kubectl("patch", "drun", RUN, "--type=merge", "-p", "{\"spec\":{\"suspend\":false}}");

        GenericKubernetesResource ended =
                awaitRun(r -> List.of("Succeeded", "Failed").contains(phase(r)));
        assertThat(phase(ended)).as(() -> logs()).isEqualTo("Succeeded");
        Waiting.until(
                "the workers are gone",
                LIMIT,
                () -> client.pods().inNamespace(NAMESPACE).list().getItems().isEmpty());
        List<String> listed = abmesh("list").requireExit(0).output();
        assertThat(listed).hasSize(2);
        assertThat(listed.get(1)).startsWith("quickstart  Succeeded  100%");
        abmesh("watch", RUN).requireExit(0);
        Path out = directory.resolve("out");
        abmesh("get", RUN, "--out", out.toString()).requireExit(0);
        for (String name : List.of("student.onnx", "student.dl4j.zip", "report.json")) {
            assertThat(out.resolve(name)).isNotEmptyFile();
        }
        assertThat(kubectl("get", "drun", RUN)).contains("Succeeded", "100");
        kubectl("delete", "drun", "--all");
    }

    @Test
    void aSubmittedRunIsSuspendedResumedAndCancelledByWhoeverHasTheCertificateForIt()
            throws Exception {
        Path plan = ROOT.resolve("deploy/plans/quickstart.yaml");
        fetchClient();
        AbmeshCommand.Outcome bad = abmesh("submit", plan.toString(), "--set", "batch=1");
        bad.requireExit(2);
        assertThat(bad.errors().get(1)).contains("batch: found=1, expected=2 to 65536");

        abmesh("submit", plan.toString(), "--max-teachers", "1").requireExit(0);
        awaitRun(r -> phase(r).equals("Running") && step(r) >= 1);
        assertThatNoOtherCertificateDoes();
        assertThatAnotherAuthorityIsTakenWithoutARestart();
        command("suspend");
        awaitRun(r -> phase(r).equals("Suspended"));
        command("resume");
        awaitRun(r -> phase(r).equals("Starting") || phase(r).equals("Running"));
        command("cancel");
        awaitRun(r -> phase(r).equals("Cancelled"));
        assertThat(abmesh("cancel", "nobody").requireExit(2).errors().get(0))
                .isEqualTo("abmesh: no such run on the cluster: found=nobody");
    }

    @Test
    void aCoordinatorThatIsThereBeforeItsApiServerIsLiveAtOnceAndReadyOnceItCanAsk()
            throws Exception {
        coordinator.destroyForcibly().waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS);
        server.stopApiServer();

        startCoordinatorThatWaits();
        coordinator.destroy();
        assertThat(coordinator.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS))
                .as("ends when it is told to, though it waits")
                .isTrue();

        startCoordinatorThatWaits();
        assertThat(health("live")).contains("UP").doesNotContain("DOWN");
        assertThat(health("ready")).contains("DOWN");
        server.startApiServerAgain();
        Waiting.until("the coordinator is ready", LIMIT, () -> !health("ready").contains("DOWN"));
        fetchClient();
        assertThat(abmesh("list").requireExit(0).output()).hasSize(1);
        assertThat(said("API server is away")).isEqualTo(1);
        assertThat(said("API server is there")).isEqualTo(1);
    }

    private void startCoordinatorThatWaits() throws IOException {
        Files.writeString(coordinatorLog, "");
        startCoordinator();
        Waiting.until("the coordinator waits", LIMIT, () -> said("API server is away") > 0);
    }

    private String health(String kind) {
        try {
            return Http.get("http://127.0.0.1:" + httpPort + "/q/health/" + kind);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private long said(String event) {
        try (Stream<String> lines = Files.lines(coordinatorLog)) {
            return lines.filter(line -> line.contains(event)).count();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * A student of the run may neither be a teacher nor do what people may, and who has none
     * nothing.
     */
    private void assertThatNoOtherCertificateDoes() throws Exception {
        Path student = Files.createDirectories(directory.resolve("student"));
        Map<String, String> files =
                client.secrets()
                        .inNamespace(NAMESPACE)
                        .withName(RUN + "-student")
                        .waitUntilCondition(
                                made -> made != null, LIMIT.toSeconds(), TimeUnit.SECONDS)
                        .getData();
        for (Map.Entry<String, String> file : files.entrySet()) {
            Files.write(
                    student.resolve(file.getKey()), Base64.getDecoder().decode(file.getValue()));
        }
        try (MeshSecurity security = MeshSecurity.of(MeshRole.STUDENT, Optional.of(student))) {
            MeshException join = refusal(security);
            assertThat(join.reason()).isEqualTo(ErrorReason.ROLE_NOT_ALLOWED);
            assertThat(join)
                    .hasMessageStartingWith(
                            "caller may not use abmesh.v1.MembershipService: found=")
                    .hasMessageEndingWith("/student, expected=teacher of " + NAMESPACE);
        }
        assertThat(refusal(MeshSecurity.plainText()).reason())
                .isEqualTo(ErrorReason.TRANSPORT_UNAVAILABLE);
        AbmeshCommand.Outcome asStudent =
                AbmeshCommand.run(
                        directory, "list", "--coordinator", address(), "--tls", student.toString());
        assertThat(asStudent.requireExit(2).errors().get(0))
                .startsWith("abmesh: certificate cannot be used: cause=it is of another role: ");
    }

    /**
     * Renews the authority with another key, as cert-manager does with {@code rotationPolicy:
     * Always}; then nobody has a connection left over from before, and the run goes on.
     */
    private void assertThatAnotherAuthorityIsTakenWithoutARestart() throws Exception {
        List<Pod> workers = client.pods().inNamespace(NAMESPACE).list().getItems();
        assertThat(workers).hasSize(2);
        client.secrets()
                .inNamespace(NAMESPACE)
                .withName("abmesh-ca")
                .edit(
                        secret ->
                                new SecretBuilder(secret)
                                        .withData(CertManagerAuthority.secretData())
                                        .build());
        for (Pod worker : workers) {
            Waiting.until(
                    worker.getMetadata().getName() + " has a new certificate",
                    LIMIT,
                    () -> log(worker).contains("Certificate is renewed identity="));
        }
        coordinator.destroyForcibly().waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS);
        long before = step(awaitRun(r -> true));
        startCoordinator();
        awaitRun(r -> phase(r).equals("Running") && step(r) > before + 1);
        assertThat(workers).allMatch(pods::runs);
        fetchClient();
    }

    private String log(Pod pod) {
        try {
            return pods.log(pod);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Joins the mesh as a teacher; returns why it may not. */
    private MeshException refusal(MeshSecurity security) throws Exception {
        ManagedChannel channel =
                MeshChannels.open("stranger", address(), security, MeshRole.COORDINATOR);
        try {
            CompletableFuture<MeshException> refusal = new CompletableFuture<>();
            StreamObserver<JoinMeshRequest> join =
                    MembershipServiceGrpc.newStub(channel)
                            .joinMesh(
                                    new StreamObserver<>() {
                                        @Override
                                        public void onNext(JoinMeshResponse response) {}

                                        @Override
                                        public void onError(Throwable cause) {
                                            refusal.complete(ErrorStatuses.fromThrowable(cause));
                                        }

                                        @Override
                                        public void onCompleted() {}
                                    });
            join.onNext(
                    JoinMeshRequest.newBuilder()
                            .setWorkerId("stranger")
                            .setAddress("127.0.0.1:1")
                            .build());
            return refusal.get(LIMIT.toSeconds(), TimeUnit.SECONDS);
        } finally {
            MeshChannels.close(channel, Duration.ZERO);
        }
    }

    private void command(String verb) throws IOException, InterruptedException {
        abmesh(verb, RUN).requireExit(0);
    }

    private String logs() {
        try {
            return pods.logs();
        } catch (IOException e) {
            return e.toString();
        }
    }

    private Pod pod(String name) {
        return client.pods().inNamespace(NAMESPACE).withName(name).get();
    }

    private String kubectl(String... arguments) throws IOException, InterruptedException {
        List<String> inNamespace = new ArrayList<>(List.of("--namespace=" + NAMESPACE));
        inNamespace.addAll(List.of(arguments));
        return new Kubectl(server.kubeconfig(), ROOT).run(inNamespace.toArray(String[]::new));
    }

    private GenericKubernetesResource awaitRun(Predicate<GenericKubernetesResource> wanted) {
        try {
            return client.genericKubernetesResources(
                            new ResourceDefinitionContext.Builder()
                                    .withGroup("abmesh.io")
                                    .withVersion("v1alpha1")
                                    .withKind("DistillationRun")
                                    .withPlural("distillationruns")
                                    .withNamespaced(true)
                                    .build())
                    .inNamespace(NAMESPACE)
                    .withName(RUN)
                    .waitUntilCondition(
                            run -> run != null && run.get("status") != null && wanted.test(run),
                            LIMIT.toSeconds(),
                            TimeUnit.SECONDS);
        } catch (RuntimeException e) {
            throw new IllegalStateException(logs(), e);
        }
    }

    private static String phase(GenericKubernetesResource run) {
        return run.get("status", "phase");
    }

    private static long step(GenericKubernetesResource run) {
        return run.<Number>get("status", "step").longValue();
    }
}
