package io.abmesh.coordinator.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.common.util.concurrent.ListenableFuture;
import io.abmesh.coordinator.meter.CoordinatorMeter;
import io.abmesh.coordinator.process.TestingStudent.Checkpoints;
import io.abmesh.coordinator.run.TestingPlans;
import io.abmesh.data.source.ImageDatasets;
import io.abmesh.kube.Waiting;
import io.abmesh.objects.ObjectAddress;
import io.abmesh.objects.ObjectStore;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.transport.MeshChannels;
import io.abmesh.proto.v1.Delivery;
import io.abmesh.proto.v1.GetRunRequest;
import io.abmesh.proto.v1.ListRunsRequest;
import io.abmesh.proto.v1.Notice;
import io.abmesh.proto.v1.Run;
import io.abmesh.proto.v1.RunEvent;
import io.abmesh.proto.v1.RunServiceGrpc;
import io.abmesh.proto.v1.RunState;
import io.abmesh.proto.v1.SubmitRunRequest;
import io.abmesh.proto.v1.ValidatePlanRequest;
import io.abmesh.proto.v1.ValidatePlanResponse;
import io.abmesh.proto.v1.WatchRunRequest;
import io.abmesh.proto.v1.WatchRunResponse;
import io.abmesh.s3.S3Server;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.quarkus.runtime.configuration.MemorySize;
import java.io.IOException;
import java.io.InputStream;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Images that come from an object store, and results that go to it; against a real server. */
final class ObjectStorageIT {
    private static final String VERSION = "1.0";
    private static final Duration LIMIT = Duration.ofSeconds(60);

    /** Threads of the coordinator that serve workers and people. */
    private static final int RPC_THREADS = 4;

    private static final String ENDPOINT = "aws.endpointUrlS3";
    private static final String ACCESS_KEY_ID = "aws.accessKeyId";
    private static final String SECRET_ACCESS_KEY = "aws.secretAccessKey";

    @TempDir static Path serverFolder;
    private static S3Server server;

    @TempDir Path directory;

    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private CoordinatorProcess coordinator;
    private ManagedChannel client;

    @BeforeAll
    static void startServer() throws IOException {
        server = S3Server.start(serverFolder);
        server.createBucket("data");
        server.createBucket("results");
        System.setProperty(ACCESS_KEY_ID, S3Server.ACCESS_KEY_ID);
        System.setProperty(SECRET_ACCESS_KEY, S3Server.SECRET_ACCESS_KEY);
    }

    @AfterAll
    static void stopServer() {
        server.close();
        System.clearProperty(ENDPOINT);
        System.clearProperty(ACCESS_KEY_ID);
        System.clearProperty(SECRET_ACCESS_KEY);
    }

    @BeforeEach
    void findServer() {
        System.setProperty(ENDPOINT, server.endpoint().toString());
    }

    @AfterEach
    void stop() {
        if (coordinator != null) {
            closeCoordinator();
        }
    }

    @Test
    void aRunReadsItsImagesFromABucketAndItsResultIsInAnother() throws Exception {
        putImages();
        open(Optional.of("s3://results/mesh"));

        Run run = train("data.location=s3://data/fashion");

        Delivery delivery = awaitDelivery(run, Delivery::getDelivered);
        assertThat(delivery.getLocation()).isEqualTo("s3://results/mesh/" + run.getRunId());
        for (String name :
                List.of(
                        "report.json",
                        "report.html",
                        "metrics.jsonl",
                        "student.onnx",
                        "plan.yaml",
                        "plan.json")) {
            assertThat(server.file("results", "mesh/" + run.getRunId() + "/" + name))
                    .as(name)
                    .hasSameBinaryContentAs(
                            directory.resolve("store/" + run.getRunId() + "/" + name));
        }
        JsonNode dataset =
                new ObjectMapper()
                        .readTree(
                                server.file("results", "mesh/" + run.getRunId() + "/report.json")
                                        .toFile())
                        .path("dataset");
        assertThat(dataset.path("location").asText()).isEqualTo("s3://data/fashion");
        assertThat(dataset.path("sha256").asText())
                .isEqualTo(ImageDatasets.open("builtin:fashion-mnist", directory).train().sha256());
    }

    @Test
    void aResultThatCouldNotBeDeliveredIsAfterTheNextStartAndOnlyOnce() throws Exception {
        System.setProperty(ENDPOINT, "http://127.0.0.1:1");
        open(Optional.of("s3://results/mesh"));
        Run run = train();
        Delivery failed = awaitDelivery(run, Delivery::hasFailure);
        assertThat(failed.getDelivered()).isFalse();
        assertThat(ErrorStatuses.fromStatus(failed.getFailure()).reason())
                .isEqualTo(ErrorReason.OBJECTS_UNAVAILABLE);

        reopen();
        awaitDelivery(run, Delivery::getDelivered);
        Path report = server.file("results", "mesh/" + run.getRunId() + "/report.json");
        assertThat(report).exists();

        Files.delete(report);
        reopen();
        assertThat(awaitDelivery(run, Delivery::getDelivered).getLocation())
                .isEqualTo("s3://results/mesh/" + run.getRunId());
        assertThat(report).doesNotExist();
    }

    @Test
    void aBucketThatIsNotThereIsNamedAndTheRunHasEndedAllTheSame() throws Exception {
        open(Optional.of("s3://no-such-bucket"));

        Run run = train();

        MeshException failure =
                ErrorStatuses.fromStatus(awaitDelivery(run, Delivery::hasFailure).getFailure());
        assertThat(failure.reason()).isEqualTo(ErrorReason.OBJECTS_REFUSED);
        assertThat(failure)
                .hasMessage("no such bucket: found=no-such-bucket, store=" + server.endpoint());
    }

    @Test
    void aPlanWhoseImagesAreNotThereIsRefused() {
        open(Optional.empty());

        MeshException failure = refused("data.location=s3://data/nothing");

        assertThat(failure.reason()).isEqualTo(ErrorReason.DATASET_UNREADABLE);
        assertThat(failure)
                .hasMessage(
                        "no such folder: found=no objects below s3://data/nothing, store="
                                + server.endpoint());
    }

    @Test
    void aPlanWhoseImagesDoNotFitTheCacheIsRefused() throws Exception {
        putImages();
        open(
                new TestingConfig(
                        directory.resolve("store"),
                        Optional.empty(),
                        Optional.empty(),
                        Optional.of(new MemorySize(BigInteger.valueOf(1000))),
                        OptionalInt.empty()));

        MeshException failure = refused("data.location=s3://data/fashion");

        assertThat(failure.reason()).isEqualTo(ErrorReason.STORE_FULL);
        assertThat(failure)
                .hasMessageMatching(
                        "cache of objects is too small: address=s3://data/fashion, found=1000"
                                + " bytes free, expected=\\d+, path=.*");
    }

    @Test
    void aStoreThatIsAwayIsToldAsSuch() {
        System.setProperty(ENDPOINT, "http://127.0.0.1:1");
        open(Optional.empty());

        assertThat(refused("data.location=s3://data/fashion").reason())
                .isEqualTo(ErrorReason.OBJECTS_UNAVAILABLE);
    }

    @Test
    void aRunThatWasTakenWaitsForAStoreThatIsAway() throws Exception {
        putImages();
        open(Optional.empty());
        Run run = submit("data.location=s3://data/fashion");
        closeCoordinator();
        System.setProperty(ENDPOINT, "http://127.0.0.1:1");
        open(Optional.empty());

        assertThat(firstNotice(run).getReason()).isEqualTo("OBJECTS_UNAVAILABLE");
        assertThat(run(run.getRunId()).getState()).isEqualTo(RunState.RUN_STATE_PENDING);
        assertThat(
                        registry.get(CoordinatorMeter.NOTICES.meterName())
                                .tag("run", run.getRunId())
                                .tag("reason", "OBJECTS_UNAVAILABLE")
                                .counter()
                                .count())
                .isEqualTo(1);
    }

    @Test
    void plansThatWaitForTheirImagesKeepNobodyElseWaiting() throws Exception {
        try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            System.setProperty(ENDPOINT, "http://127.0.0.1:" + silent.getLocalPort());
            open(Optional.empty());
            List<ListenableFuture<ValidatePlanResponse>> checks = new ArrayList<>();
            for (int i = 0; i < 2 * RPC_THREADS; i++) {
                checks.add(
                        RunServiceGrpc.newFutureStub(client)
                                .validatePlan(
                                        ValidatePlanRequest.newBuilder()
                                                .setPlanYaml(TestingPlans.supervised())
                                                .addOverrides("data.location=s3://data/fashion")
                                                .build()));
            }
            try (Socket asked = silent.accept()) {
                assertThat(asked.isConnected()).isTrue();
                assertThat(
                                RunServiceGrpc.newBlockingStub(client)
                                        .withDeadlineAfter(60, TimeUnit.SECONDS)
                                        .listRuns(ListRunsRequest.getDefaultInstance())
                                        .getRunsList())
                        .isEmpty();
                assertThat(checks).noneMatch(Future::isDone);
            }
        }
    }

    private Notice firstNotice(Run run) {
        Iterator<WatchRunResponse> updates =
                stub().watchRun(
                                WatchRunRequest.newBuilder()
                                        .setRunId(run.getRunId())
                                        .setAfterEvent(-1)
                                        .build());
        while (true) {
            RunEvent event = updates.next().getEvent();
            if (event.hasNotice()) {
                return event.getNotice();
            }
        }
    }

    @Test
    void aResultsLocationThatIsNoAddressEndsTheStart() {
        assertThatThrownBy(() -> open(Optional.of("/results")))
                .isInstanceOf(MeshException.class)
                .hasMessage(
                        "abmesh.coordinator.results-location: not an address in an object store:"
                                + " found=/results, expected=s3://BUCKET/KEY");
    }

    /** Puts the data set inside the program. */
    private void putImages() throws IOException {
        try (ObjectStore store = ObjectStore.ofEnvironment()) {
            for (String name :
                    List.of(
                            "train-images-idx3-ubyte.gz",
                            "train-labels-idx1-ubyte.gz",
                            "t10k-images-idx3-ubyte.gz",
                            "t10k-labels-idx1-ubyte.gz")) {
                Path file = directory.resolve(name);
                try (InputStream content =
                        ObjectStorageIT.class.getResourceAsStream(
                                "/io/abmesh/data/fashion-mnist/" + name)) {
                    Files.copy(content, file);
                }
                store.put(file, ObjectAddress.parse("s3://data/fashion/" + name));
            }
        }
    }

    private void open(Optional<String> results) {
        open(new TestingConfig(directory.resolve("store"), Optional.empty(), results));
    }

    private void open(TestingConfig config) {
        coordinator = CoordinatorProcess.start(config, registry, VERSION);
        client = MeshChannels.open("test", "127.0.0.1:" + coordinator.grpcPort());
    }

    /** Stops the coordinator, whose object store was away, and starts it where it is there. */
    private void reopen() {
        closeCoordinator();
        System.setProperty(ENDPOINT, server.endpoint().toString());
        open(Optional.of("s3://results/mesh"));
    }

    private void closeCoordinator() {
        MeshChannels.close(client, Duration.ZERO);
        coordinator.close();
    }

    /** Trains with a student of the test to the end. */
    private Run train(String... overrides) throws Exception {
        try (TestingStudent student = new TestingStudent(new Checkpoints())) {
            student.connect("127.0.0.1:" + coordinator.grpcPort(), VERSION);
            Run run = submit(overrides);
            Waiting.until("the run has ended", LIMIT, () -> run(run.getRunId()).hasEndTime());
            return run;
        }
    }

    private Run submit(String... overrides) {
        return stub().submitRun(
                        SubmitRunRequest.newBuilder()
                                .setRequestId("request-" + System.nanoTime())
                                .setPlanYaml(TestingPlans.supervised())
                                .setBaseDirectory(directory.toString())
                                .addAllOverrides(List.of(overrides))
                                .build())
                .getRun();
    }

    private MeshException refused(String override) {
        return ErrorStatuses.fromThrowable(
                catchThrowableOfType(StatusRuntimeException.class, () -> submit(override)));
    }

    private Delivery awaitDelivery(Run run, Predicate<Delivery> state) {
        Waiting.until(
                "the delivery is told", LIMIT, () -> state.test(run(run.getRunId()).getDelivery()));
        return run(run.getRunId()).getDelivery();
    }

    private Run run(String runId) {
        return stub().getRun(GetRunRequest.newBuilder().setRunId(runId).build()).getRun();
    }

    private RunServiceGrpc.RunServiceBlockingStub stub() {
        return RunServiceGrpc.newBlockingStub(client)
                .withDeadlineAfter(LIMIT.toSeconds(), TimeUnit.SECONDS);
    }
}
