package io.abmesh.e2e.scenario;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.abmesh.e2e.harness.AbmeshCommand;
import io.abmesh.e2e.harness.PodProcesses;
import io.abmesh.kube.ApiServer;
import io.abmesh.kube.Binaries;
import io.abmesh.kube.TestingKubelet;
import io.abmesh.kube.Waiting;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.dsl.base.ResourceDefinitionContext;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
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
                                        && crd.getStatus().getConditions().stream()
                                                .anyMatch(c -> c.getType().equals("Established")),
                        30,
                        TimeUnit.SECONDS);
        pods = new PodProcesses(Files.createDirectories(directory.resolve("pods")));
        kubelet = new TestingKubelet(client, NAMESPACE, pods, Clock.systemUTC());
        coordinatorLog = directory.resolve("pods/coordinator.log");
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = socket.getLocalPort();
        }
        startCoordinator();
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
        builder.environment()
                .put("ABMESH_COORDINATOR_STORE_DIRECTORY", directory.resolve("store").toString());
        builder.environment().put("ABMESH_CLUSTER_ENABLED", "true");
        builder.environment().put("ABMESH_CLUSTER_NAMESPACE", NAMESPACE);
        builder.environment().put("ABMESH_CLUSTER_PERIOD", "1s");
        builder.environment().put("ABMESH_CLUSTER_LEASE", "5s");
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
                        .replace("epochs: 40", "epochs: 4")
                        .replace("batch: 64", "batch: 32\n    checkpointEverySteps: 4")
                        .replace(
                                "      augmentation",
                                "      test: {images: 200}\n      augmentation");
        Path file = Files.writeString(directory.resolve("run.yaml"), run);
        kubectl("apply", "-f", file.toString());

        awaitRun(r -> phase(r).equals("Running") && step(r) >= 6);
        Pod student = pod("quickstart-student-0");
        pods.kill(student);
        client.resource(student).withGracePeriod(0).delete();
        awaitRun(r -> phase(r).equals("Running") && step(r) >= 20);
        coordinator.destroyForcibly().waitFor(10, TimeUnit.SECONDS);
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
        List<String> listed =
                AbmeshCommand.run(directory, "list", "--coordinator", address())
                        .requireExit(0)
                        .output();
        assertThat(listed).hasSize(2);
        assertThat(listed.get(1)).startsWith("quickstart  Succeeded  100%");
        AbmeshCommand.run(directory, "watch", RUN, "--coordinator", address()).requireExit(0);
        Path out = directory.resolve("out");
        AbmeshCommand.run(
                        directory, "get", RUN, "--out", out.toString(), "--coordinator", address())
                .requireExit(0);
        for (String name : List.of("student.onnx", "student.dl4j.zip", "report.json")) {
            assertThat(out.resolve(name)).isNotEmptyFile();
        }
        assertThat(kubectl("get", "drun", RUN, "-n", NAMESPACE)).contains("Succeeded", "100");
    }

    @Test
    void aSubmittedRunIsSuspendedResumedAndCancelled() throws Exception {
        Path plan = ROOT.resolve("deploy/plans/quickstart.yaml");
        Waiting.until(
                "the coordinator answers",
                LIMIT,
                () -> {
                    try {
                        return AbmeshCommand.run(directory, "list", "--coordinator", address())
                                        .exitCode()
                                == 0;
                    } catch (IOException | InterruptedException e) {
                        return false;
                    }
                });
        AbmeshCommand.Outcome bad =
                AbmeshCommand.run(
                        directory,
                        "submit",
                        plan.toString(),
                        "--set",
                        "batch=1",
                        "--coordinator",
                        address());
        bad.requireExit(2);
        assertThat(bad.errors().get(1)).contains("batch: found=1, expected=2 to 65536");

        AbmeshCommand.run(
                        directory,
                        "submit",
                        plan.toString(),
                        "--max-teachers",
                        "1",
                        "--coordinator",
                        address())
                .requireExit(0);
        awaitRun(r -> phase(r).equals("Starting") || phase(r).equals("Running"));
        command("suspend");
        awaitRun(r -> phase(r).equals("Suspended"));
        command("resume");
        awaitRun(r -> phase(r).equals("Starting") || phase(r).equals("Running"));
        command("cancel");
        awaitRun(r -> phase(r).equals("Cancelled"));
        assertThat(
                        AbmeshCommand.run(directory, "cancel", "nobody", "--coordinator", address())
                                .requireExit(2)
                                .errors()
                                .get(0))
                .isEqualTo("abmesh: no such run on the cluster: found=nobody");
    }

    private void command(String verb) throws IOException, InterruptedException {
        AbmeshCommand.run(directory, verb, RUN, "--coordinator", address()).requireExit(0);
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
        List<String> command = new ArrayList<>();
        command.add("kubectl");
        command.add("--kubeconfig=" + server.kubeconfig());
        command.add("--namespace=" + NAMESPACE);
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), UTF_8);
        assertThat(process.waitFor()).as(output).isZero();
        return output;
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
