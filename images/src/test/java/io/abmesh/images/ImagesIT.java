package io.abmesh.images;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.abmesh.proto.process.NativeEnvironment;
import io.abmesh.proto.transport.MeshChannels;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Runs what was built: each image unpacked, its root mounted read-only, as the user that it names,
 * without a shell; it answers its health probe. Needs root and mounts; elsewhere it is skipped.
 */
final class ImagesIT {
    private static final Path BUILT =
            Path.of(System.getProperty("abmesh.root"), "images", "target");
    private static final Duration START = Duration.ofMinutes(2);

    @TempDir Path directory;

    @ParameterizedTest
    @EnumSource(Program.class)
    void anImageNamesItsUserItsEnvironmentAndItsMemory(Program program) throws Exception {
        JsonNode config = unpack(program, directory.resolve("image")).path("config");
        assertThat(config.path("User").asText()).isEqualTo("65532:65532");
        Map<String, String> environment = new TreeMap<>();
        config.path("Env")
                .forEach(
                        variable -> {
                            String[] parts = variable.asText().split("=", 2);
                            environment.put(parts[0], parts[1]);
                        });
        assertThat(environment)
                .containsAllEntriesOf(
                        program == Program.STUDENT
                                ? NativeEnvironment.student()
                                : NativeEnvironment.common())
                .containsEntry("ABMESH_LOG_FORMAT", "json");
        assertThat(config.path("Entrypoint").toString()).contains("-XX:MaxRAMPercentage=");
    }

    @ParameterizedTest
    @EnumSource(Program.class)
    void aContainerServesWithoutRightsAShellOrARootToWriteTo(Program program) throws Exception {
        assumeTrue(canMount(), "no containers here: mounting needs root");
        Path image = directory.resolve("image");
        JsonNode config = unpack(program, image).path("config");
        Path root = layOut(image, directory.resolve("root"));
        int port = freePort();
        Process container =
                container(root, config, settings(program, port))
                        .redirectErrorStream(true)
                        .redirectOutput(directory.resolve("log").toFile())
                        .start();
        try {
            assertThat(health(container, port)).as(() -> log()).isEqualTo(ServingStatus.SERVING);
        } finally {
            container.descendants().forEach(ProcessHandle::destroyForcibly);
            container.destroyForcibly().waitFor(60, TimeUnit.SECONDS);
        }
    }

    /** The libraries of the variant take gigabytes; what is built here is all but them. */
    @Test
    void anImageWithCudaSaysInOneLineThatThereIsNoGpu() throws Exception {
        assumeTrue(canMount(), "no containers here: mounting needs root");
        Path built = directory.resolve("cuda");
        BuildImages.main(
                new String[] {
                    System.getProperty("abmesh.root"),
                    System.getProperty("abmesh.images.base"),
                    System.getProperty("abmesh.images.java"),
                    "tar:" + built,
                    "1",
                    "cuda"
                });
        try (Stream<Path> images = Files.list(built)) {
            assertThat(images.map(image -> image.getFileName().toString()))
                    .containsExactlyInAnyOrder(
                            "student-worker-cuda.tar", "teacher-worker-cuda.tar");
        }
        Path image = directory.resolve("image");
        JsonNode config = unpack(built.resolve("student-worker-cuda.tar"), image).path("config");
        assertThat(config.at("/Labels/org.opencontainers.image.version").asText())
                .isEqualTo("1-cuda");

        Process container =
                container(
                                layOut(image, directory.resolve("root")),
                                config,
                                settings(Program.STUDENT, freePort()))
                        .redirectErrorStream(true)
                        .redirectOutput(directory.resolve("log").toFile())
                        .start();
        assertThat(container.waitFor(START.toSeconds(), TimeUnit.SECONDS)).isTrue();
        assertThat(container.exitValue()).as(() -> log()).isEqualTo(2);
        assertThat(log().lines().filter(line -> line.startsWith("abmesh:")))
                .singleElement()
                .asString()
                .startsWith("abmesh: ND4J finds no GPU: found=CpuBackend, expected=");
    }

    private String log() {
        try {
            return Files.readString(directory.resolve("log"));
        } catch (IOException e) {
            return e.toString();
        }
    }

    private static Map<String, String> settings(Program program, int port) {
        String grpc = Integer.toString(port);
        return switch (program) {
            case COORDINATOR ->
                    Map.of(
                            "ABMESH_COORDINATOR_GRPC_PORT",
                            grpc,
                            "ABMESH_COORDINATOR_STORE_DIRECTORY",
                            "/tmp/store");
            case TEACHER ->
                    Map.of(
                            "ABMESH_TEACHER_GRPC_PORT",
                            grpc,
                            "ABMESH_TEACHER_MODEL",
                            "/opt/abmesh/teachers/fashion-mnist-wrn.onnx");
            case STUDENT ->
                    Map.of(
                            "ABMESH_STUDENT_GRPC_PORT",
                            grpc,
                            "ABMESH_STUDENT_COORDINATOR_ADDRESS",
                            "127.0.0.1:1",
                            "ABMESH_STUDENT_CHECKPOINT_DIRECTORY",
                            "/tmp/checkpoint");
        };
    }

    private static JsonNode unpack(Program program, Path into) throws Exception {
        return unpack(BUILT.resolve(program.module() + ".tar"), into);
    }

    /** Unpacks an image's archive; returns its configuration. */
    private static JsonNode unpack(Path archive, Path into) throws Exception {
        Files.createDirectories(into);
        run("tar", "-C", into.toString(), "-xf", archive.toString());
        JsonNode manifest =
                new ObjectMapper().readTree(into.resolve("manifest.json").toFile()).path(0);
        return new ObjectMapper().readTree(into.resolve(manifest.path("Config").asText()).toFile());
    }

    private static Path layOut(Path image, Path root) throws Exception {
        Files.createDirectories(root);
        JsonNode manifest =
                new ObjectMapper().readTree(image.resolve("manifest.json").toFile()).path(0);
        for (JsonNode layer : manifest.path("Layers")) {
            run("tar", "-C", root.toString(), "-xzf", image.resolve(layer.asText()).toString());
        }
        return root;
    }

    /** A root that is read-only but for /tmp, in mounts of its own; the entry point as it is. */
    private static ProcessBuilder container(
            Path root, JsonNode config, Map<String, String> settings) {
        List<String> command =
                new ArrayList<>(
                        List.of(
                                "unshare",
                                "--mount",
                                "--pid",
                                "--fork",
                                "--kill-child",
                                "sh",
                                "-c",
                                """
                                set -e
                                root=$1; shift
                                mount --bind "$root" "$root"
                                mount -o remount,bind,ro "$root"
                                mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
                                mount -t proc proc "$root/proc"
                                exec chroot --userspec=65532:65532 "$root" "$@"
                                """,
                                "container",
                                root.toString()));
        config.path("Entrypoint").forEach(word -> command.add(word.asText()));
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().clear();
        builder.environment().put("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        config.path("Env")
                .forEach(
                        variable -> {
                            String[] parts = variable.asText().split("=", 2);
                            builder.environment().put(parts[0], parts[1]);
                        });
        builder.environment().putAll(settings);
        return builder;
    }

    private static ServingStatus health(Process container, int port) throws InterruptedException {
        long end = System.nanoTime() + START.toNanos();
        while (container.isAlive() && System.nanoTime() < end) {
            ManagedChannel channel = MeshChannels.open("probe", "127.0.0.1:" + port);
            try {
                return HealthGrpc.newBlockingStub(channel)
                        .withWaitForReady()
                        .withDeadlineAfter(5, TimeUnit.SECONDS)
                        .check(HealthCheckRequest.getDefaultInstance())
                        .getStatus();
            } catch (StatusRuntimeException e) {
                // not there yet; the deadline has been waited for
            } finally {
                MeshChannels.close(channel, Duration.ZERO);
            }
        }
        return ServingStatus.UNKNOWN;
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private static boolean canMount() {
        try {
            Process process =
                    new ProcessBuilder(
                                    "unshare",
                                    "--mount",
                                    "--pid",
                                    "--fork",
                                    "sh",
                                    "-c",
                                    "mount -t tmpfs tmpfs /mnt && mount -t proc proc /mnt")
                            .redirectErrorStream(true)
                            .start();
            process.getInputStream().readAllBytes();
            return process.waitFor() == 0;
        } catch (IOException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    private static void run(String... command) throws Exception {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), UTF_8);
        assertThat(process.waitFor()).as(Stream.of(command).toList() + ": " + output).isZero();
    }
}
