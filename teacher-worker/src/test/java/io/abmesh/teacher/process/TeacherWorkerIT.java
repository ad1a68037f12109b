package io.abmesh.teacher.process;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.objects.ObjectAddress;
import io.abmesh.objects.ObjectStore;
import io.abmesh.proto.process.ReadyFile;
import io.abmesh.proto.transport.MeshServer;
import io.abmesh.proto.v1.JoinMeshRequest;
import io.abmesh.s3.S3Server;
import io.abmesh.teacher.membership.TestingMembershipService;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TeacherWorkerIT {
    @TempDir Path folder;

    @Test
    void servesUntilItIsToldToStop() throws Exception {
        try (TeacherWorkerProcess worker =
                TeacherWorkerProcess.start(
                        folder,
                        TeacherWorkerProcess.wrn(),
                        Map.of(
                                "abmesh.teacher.cache-directory",
                                folder.resolve("cache").toString()))) {
            ReadyFile ready = worker.awaitReady();

            assertThat(ready.role()).isEqualTo("teacher");
            assertThat(get(ready.httpPort(), "/q/health/ready")).contains("\"status\": \"UP\"");
            assertThat(get(ready.httpPort(), "/q/metrics"))
                    .contains("abmesh_teacher_held_size_bytes");
            worker.terminate();
            worker.awaitExit();
            assertThat(worker.errors()).isEmpty();
            assertThat(worker.output().lines()).hasSize(1);
            assertThat(worker.output())
                    .contains("Teacher serves address=127.0.0.1:" + ready.grpcPort());
            assertThat(folder.resolve("cache").resolve("teacher-0").resolve("lock")).exists();
        }
    }

    @Test
    void tellsTheCoordinatorThatItStopsAndThenLeaves() throws Exception {
        TestingMembershipService coordinator =
                new TestingMembershipService(Duration.ofSeconds(30), false);
        try (MeshServer server =
                        MeshServer.start("coordinator", "127.0.0.1", 0, 2, List.of(coordinator));
                TeacherWorkerProcess worker =
                        TeacherWorkerProcess.start(
                                folder,
                                TeacherWorkerProcess.wrn(),
                                Map.of("abmesh.teacher.coordinator-address", server.address()))) {
            ReadyFile ready = worker.awaitReady();
            JoinMeshRequest join = (JoinMeshRequest) coordinator.heard.poll(60, TimeUnit.SECONDS);
            assertThat(join).isNotNull();
            assertThat(join.getAddress()).isEqualTo("127.0.0.1:" + ready.grpcPort());
            assertThat(join.getWorkerId()).isEqualTo("teacher-0");
            assertThat(join.getModelSha256()).matches("[0-9a-f]{64}");

            worker.terminate();
            worker.awaitExit();

            assertThat(coordinator.heard.poll(60, TimeUnit.SECONDS))
                    .isEqualTo(join.toBuilder().setDraining(true).build());
            assertThat(coordinator.heard.poll(60, TimeUnit.SECONDS))
                    .isEqualTo(TestingMembershipService.LEFT);
        }
    }

    @Test
    void saysInOneLineThatTheModelIsMissing() throws Exception {
        Path missing = folder.resolve("missing.onnx");

        assertThat(refusal(missing, Map.of()))
                .startsWith("abmesh: no such model")
                .contains(missing.toString());
    }

    @Test
    void saysInOneLineThatTheModelIsCorrupt() throws Exception {
        byte[] whole = Files.readAllBytes(TeacherWorkerProcess.wrn());
        Path cut = folder.resolve("cut.onnx");
        Files.write(cut, Arrays.copyOf(whole, whole.length / 2));

        assertThat(refusal(cut, Map.of())).startsWith("abmesh: not an ONNX model");
    }

    @Test
    void saysInOneLineThatThePortIsInUse() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            assertThat(
                            refusal(
                                    TeacherWorkerProcess.wrn(),
                                    Map.of(
                                            "abmesh.teacher.grpc-port",
                                            Integer.toString(taken.getLocalPort()))))
                    .isEqualTo(
                            "abmesh: cannot listen: address=127.0.0.1:"
                                    + taken.getLocalPort()
                                    + ", cause=Address already in use");
        }
    }

    @Test
    void servesAModelOfAnObjectStoreAndSaysInOneLineThatThereIsNone() throws Exception {
        Map<String, String> keys =
                Map.of(
                        "abmesh.teacher.object-cache-directory",
                        folder.resolve("objects").toString());
        try (S3Server server = S3Server.start(Files.createDirectory(folder.resolve("s3")));
                ObjectStore store =
                        ObjectStore.at(
                                server.endpoint(),
                                S3Server.REGION,
                                S3Server.ACCESS_KEY_ID,
                                S3Server.SECRET_ACCESS_KEY)) {
            server.createBucket("models");
            store.put(
                    TeacherWorkerProcess.wrn(), ObjectAddress.parse("s3://models/small/wrn.onnx"));
            try (TeacherWorkerProcess worker =
                    TeacherWorkerProcess.start(
                            folder, "s3://models/small/wrn.onnx", keys, server.environment())) {
                worker.awaitReady();
                assertThat(worker.output()).contains(" model=wrn.onnx ");
            }
            assertThat(refusal("s3://models/none.onnx", keys, server.environment()))
                    .isEqualTo(
                            "abmesh: no such object: found=nothing at s3://models/none.onnx, store="
                                    + server.endpoint());
        }
    }

    @Test
    void saysInOneLineWhatIsWrongWithTheConfiguration() throws Exception {
        assertThat(
                        refusal(
                                TeacherWorkerProcess.wrn(),
                                Map.of(
                                        "abmesh.teacher.modell", "x",
                                        "abmesh.teacher.grpc-port", "99999")))
                .startsWith("abmesh: Configuration validation failed: ")
                .contains("abmesh.teacher.modell")
                .contains("abmesh.teacher.grpc-port");
    }

    /**
     * What a worker that cannot start says in its last line on standard error; its exit code is 2.
     */
    private String refusal(Path model, Map<String, String> keys) throws Exception {
        return refusal(model.toString(), keys, Map.of());
    }

    private String refusal(String model, Map<String, String> keys, Map<String, String> environment)
            throws Exception {
        try (TeacherWorkerProcess worker =
                TeacherWorkerProcess.start(folder, model, keys, environment)) {
            assertThat(worker.awaitExit()).isEqualTo(2);
            List<String> errors = worker.errors().lines().toList();
            // A wrong configuration is found before logging is set up: the validator then says its
            // version first.
            assertThat(errors.stream().filter(line -> !line.contains("hibernate.validator")))
                    .filteredOn(line -> !line.startsWith("INFO: HV000001"))
                    .hasSize(1);
            return errors.get(errors.size() - 1);
        }
    }

    private static String get(int port, String path) throws Exception {
        // An upgrade to HTTP/2 in the middle of the first exchange can leave its body hanging.
        return HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .build()
                .send(
                        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
                                .timeout(Duration.ofSeconds(10))
                                .build(),
                        HttpResponse.BodyHandlers.ofString())
                .body();
    }
}
