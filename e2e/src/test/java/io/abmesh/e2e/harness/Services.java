package io.abmesh.e2e.harness;

import io.abmesh.kube.Waiting;
import io.abmesh.proto.process.ReadyFile;
import io.abmesh.proto.transport.MeshChannels;
import io.abmesh.proto.v1.RunServiceGrpc;
import io.abmesh.proto.v1.SubmitRunRequest;
import io.grpc.ManagedChannel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/**
 * A coordinator, a teacher-worker and student-workers as packaged, without a command that starts
 * them again or ends with a run.
 */
public final class Services implements AutoCloseable {
    private static final Duration START = Duration.ofSeconds(90);
    private static final String HOST = "127.0.0.1";

    private final Path folder;
    private final Map<String, String> environment;
    private final Map<String, Process> processes = new HashMap<>();
    private final Map<String, Integer> httpPorts = new TreeMap<>();
    private int grpcPort;

    /** Keeps everything in a folder. */
    public Services(Path folder) {
        this(folder, Map.of());
    }

    /** Keeps everything in a folder; services get variables in their environment. */
    public Services(Path folder, Map<String, String> environment) {
        this.folder = folder;
        this.environment = Map.copyOf(environment);
    }

    /** Chooses the coordinator's port before it is started, so that workers can be told. */
    public void reservePort() throws IOException {
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            grpcPort = free.getLocalPort();
        }
    }

    /** Starts the coordinator, at the ports that it had before if it had any. */
    public void startCoordinator() throws IOException {
        ReadyFile ready =
                start(
                        "coordinator",
                        "coordinator",
                        "coordinator",
                        Map.of(
                                "abmesh.coordinator.host", HOST,
                                "abmesh.coordinator.grpc-port", String.valueOf(grpcPort),
                                "abmesh.coordinator.store-directory",
                                        folder.resolve("store").toString(),
                                "quarkus.http.port",
                                        String.valueOf(httpPorts.getOrDefault("coordinator", 0))));
        grpcPort = ready.grpcPort();
    }

    /** Starts a worker of each role. */
    public void startWorkers(Path model) throws IOException {
        startWorkers(model, 1);
    }

    /** Starts a teacher-worker and so many student-workers; returns when they serve. */
    public void startWorkers(Path model, int students) throws IOException {
        var unused =
                start(
                        "teacher",
                        "teacher",
                        "teacher-worker",
                        Map.of(
                                "abmesh.teacher.host",
                                HOST,
                                "abmesh.teacher.grpc-port",
                                "0",
                                "abmesh.teacher.worker-id",
                                "teacher-0",
                                "abmesh.teacher.coordinator-address",
                                address(),
                                "abmesh.teacher.model",
                                model.toString(),
                                "abmesh.teacher.cache-directory",
                                folder.resolve("cache").toString(),
                                "quarkus.http.port",
                                "0"));
        for (int i = 0; i < students; i++) {
            startStudent(i);
        }
    }

    private void startStudent(int index) throws IOException {
        String name = "student" + (index == 0 ? "" : "-" + index);
        var unused =
                start(
                        name,
                        "student",
                        "student-worker",
                        Map.of(
                                "abmesh.student.host",
                                HOST,
                                "abmesh.student.grpc-port",
                                "0",
                                "abmesh.student.worker-id",
                                "student-" + index,
                                "abmesh.student.coordinator-address",
                                address(),
                                "abmesh.student.checkpoint-directory",
                                folder.resolve("checkpoint").resolve(name).toString(),
                                "quarkus.http.port",
                                "0"));
    }

    /** Kills the coordinator without a chance to do anything. */
    public void killCoordinator() {
        Process process = processes.get("coordinator");
        process.destroyForcibly();
        process.onExit().join();
    }

    /** Returns the address of the coordinator's gRPC server. */
    public String address() {
        return HOST + ":" + grpcPort;
    }

    /** Returns the address of the page. */
    public String page() {
        return "http://" + http("coordinator") + "/";
    }

    /** Returns the address of the HTTP server of a role's first process, {@code host:port}. */
    public String http(String role) {
        return HOST + ":" + httpPorts.get(role);
    }

    /** Submits a plan, with a request of its own for other overrides; returns the run's name. */
    public String submit(Path plan, String... overrides) throws IOException {
        ManagedChannel channel = MeshChannels.open("test", address());
        try {
            return RunServiceGrpc.newBlockingStub(channel)
                    .withDeadlineAfter(60, TimeUnit.SECONDS)
                    .submitRun(
                            SubmitRunRequest.newBuilder()
                                    .setRequestId(String.join(" ", overrides))
                                    .setPlanYaml(Files.readString(plan))
                                    .setBaseDirectory(String.valueOf(plan.getParent()))
                                    .addAllOverrides(List.of(overrides))
                                    .build())
                    .getRun()
                    .getRunId();
        } finally {
            MeshChannels.close(channel, Duration.ofSeconds(2));
        }
    }

    private ReadyFile start(String name, String role, String module, Map<String, String> properties)
            throws IOException {
        Path readyFile = folder.resolve(name + ".json");
        Files.deleteIfExists(readyFile);
        List<String> command =
                new ArrayList<>(
                        List.of(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "-XX:TieredStopAtLevel=1",
                                "-XX:+UseSerialGC",
                                "-Dabmesh." + role + ".ready-file=" + readyFile));
        properties.forEach((key, value) -> command.add("-D" + key + "=" + value));
        command.add("-jar");
        command.add(
                AbmeshCommand.root()
                        .resolve(module)
                        .resolve("target/quarkus-app/quarkus-run.jar")
                        .toString());
        ProcessBuilder builder =
                new ProcessBuilder(command)
                        .redirectErrorStream(true)
                        .redirectOutput(
                                ProcessBuilder.Redirect.appendTo(
                                        folder.resolve(name + ".log").toFile()));
        builder.environment().putAll(environment);
        Process process = builder.start();
        processes.put(name, process);
        Waiting.until(
                name + " serves; see its log in " + folder,
                START,
                () -> Files.exists(readyFile) || !process.isAlive());
        try {
            ReadyFile ready = ReadyFile.read(readyFile);
            httpPorts.put(name, ready.httpPort());
            return ready;
        } catch (IOException e) {
            throw new UncheckedIOException(Files.readString(folder.resolve(name + ".log")), e);
        }
    }

    @Override
    public void close() {
        processes.values().forEach(Process::destroyForcibly);
        processes.values().forEach(process -> process.onExit().join());
    }
}
