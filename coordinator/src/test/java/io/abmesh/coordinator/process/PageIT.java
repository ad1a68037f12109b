package io.abmesh.coordinator.process;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.abmesh.coordinator.page.PageConfig;
import io.abmesh.coordinator.page.PageRoutes;
import io.abmesh.coordinator.process.TestingStudent.Checkpoints;
import io.abmesh.coordinator.process.TestingStudent.Pause;
import io.abmesh.coordinator.run.TestingPlans;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.quarkus.runtime.configuration.MemorySize;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import io.vertx.ext.web.Router;
import java.io.IOException;
import java.math.BigInteger;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a browser is told of a run of eight steps, over HTTP. */
@Timeout(60)
final class PageIT {
    private static final Duration DEADLINE = Duration.ofSeconds(60);
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir Path directory;

    /** An upgrade to HTTP/2 in the middle of the first exchange can leave its body hanging. */
    private final HttpClient http =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    private final TestingStudent student = new TestingStudent(new Checkpoints());
    private Vertx vertx;
    private CoordinatorProcess coordinator;
    private PageRoutes page;
    private HttpServer server;

    private record Testing(MemorySize curveMemory, int maxStreams) implements PageConfig {}

    @BeforeEach
    void start() throws Exception {
        vertx = Vertx.vertx();
        page = new PageRoutes(new Testing(new MemorySize(BigInteger.valueOf(1 << 20)), 2));
        Router router = Router.router(vertx);
        page.add(router);
        server =
                vertx.createHttpServer()
                        .requestHandler(router)
                        .listen(0, "127.0.0.1")
                        .toCompletionStage()
                        .toCompletableFuture()
                        .get(30, TimeUnit.SECONDS);
        serve();
    }

    private void serve() {
        coordinator =
                CoordinatorProcess.start(
                        new TestingConfig(directory.resolve("store")),
                        new SimpleMeterRegistry(),
                        "1.0");
        page.serve(coordinator.runs());
    }

    @AfterEach
    void stop() throws Exception {
        student.close();
        page.stop();
        coordinator.close();
        vertx.close().toCompletionStage().toCompletableFuture().get(30, TimeUnit.SECONDS);
    }

    @Test
    void aRunIsToldWithItsCurvesEventsPlanAndFiles() throws Exception {
        String run = submit("a");
        connect();
        try (Stream<String> stream = stream(run + ":0")) {
            awaitEnd(stream.iterator(), run, new ArrayList<>());
        }

        JsonNode runs = json("/api/runs");
        assertThat(runs.findValuesAsText("id")).containsExactly(run);
        JsonNode first = runs.get("runs").get(0);
        assertThat(first.get("state").asText()).isEqualTo("succeeded");
        assertThat(first.get("accuracy").get("supervised").asDouble()).isEqualTo(0.5);
        JsonNode curves = json("/api/runs/" + run + "/curves");
        List<Integer> steps = new ArrayList<>();
        for (JsonNode series : curves.get("series")) {
            if (series.get("measure").asText().equals("loss")) {
                series.get("step").forEach(step -> steps.add(step.asInt()));
            }
        }
        assertThat(steps).containsExactly(0, 1, 2, 3, 4, 5, 6, 7);
        assertThat(json("/api/runs/" + run + "/events").findValuesAsText("state"))
                .containsExactly("succeeded");
        assertThat(json("/api/runs/" + run).at("/plan/student/network").asText())
                .isEqualTo("wrn-10-1");
        assertThat(json("/api/runs/" + run + "/files").has("report.html")).isTrue();
        assertThat(json("/api/mesh").get("students").findValuesAsText("id"))
                .containsExactly("student-0");
        assertThat(json("/api/mesh").get("work")).isEmpty();
    }

    @Test
    void aStreamThatComesBackToARestartedCoordinatorHasNoGapAndNothingTwice() throws Exception {
        String run = submit("a");
        Pause pause = student.pauseBefore("step 4");
        connect();
        pause.awaitReached();
        List<Integer> numbers = new ArrayList<>();
        String last = "";
        try (Stream<String> stream = stream(run + ":0")) {
            Iterator<String> lines = stream.iterator();
            while (numbers.isEmpty()) {
                last = message(lines, run, numbers).orElseThrow();
            }
        }
        page.stop();
        coordinator.close();
        student.disconnect();
        pause.release();
        serve();
        connect();
        try (Stream<String> stream = stream(run + ":0", "Last-Event-ID", last)) {
            awaitEnd(stream.iterator(), run, numbers);
        }

        assertThat(numbers).isSorted().doesNotHaveDuplicates().startsWith(0);
        assertThat(numbers).hasSize(numbers.get(numbers.size() - 1) + 1);
    }

    @Test
    void aRunThatIsNotThereDoesNotKeepAnotherFromBeingTold() throws Exception {
        String run = submit("a");
        connect();
        List<Integer> numbers = new ArrayList<>();
        try (Stream<String> stream = stream("none:7," + run + ":0")) {
            awaitEnd(stream.iterator(), run, numbers);
        }

        assertThat(numbers).startsWith(0).isSorted();
    }

    @Test
    void aReportCannotRunScripts() throws Exception {
        String run = submit("a");
        connect();
        try (Stream<String> stream = stream(run + ":0")) {
            awaitEnd(stream.iterator(), run, new ArrayList<>());
        }
        HttpResponse<String> report = get("/api/runs/" + run + "/files/report.html");

        assertThat(report.headers().firstValue("Content-Security-Policy"))
                .contains("default-src 'none'; style-src 'unsafe-inline'; sandbox");
        assertThat(report.body()).startsWith("<!DOCTYPE html>");
    }

    @Test
    void whatIsNotThereIsSaidInOneLine() throws Exception {
        String run = submit("a");
        assertError(get("/api/runs/none"), 404, "RUN_NOT_FOUND", "no such run: found=none");
        assertError(
                get("/api/runs/" + run + "/files/events.journal"),
                404,
                "ARTIFACT_NOT_FOUND",
                "run has no such file: found=events.journal");
        assertError(get("/api/stream?after=x"), 400, "INVALID_REQUEST", "no position: found=x");
        page.stop();
        assertError(get("/api/runs"), 503, "DRAINING", "coordinator does not serve now");
        page.serve(coordinator.runs());
    }

    @Test
    void oneStreamMoreThanThereMayBeIsRefused() throws Exception {
        try (Stream<String> first = stream("");
                Stream<String> second = stream("")) {
            assertThat(first.iterator().next()).isEqualTo("retry: 1000");
            assertThat(second.iterator().next()).isEqualTo("retry: 1000");
            assertError(get("/api/stream"), 503, "WORKER_OVERLOADED", "as many browsers");
        }
    }

    private static void assertError(
            HttpResponse<String> response, int status, String reason, String message)
            throws IOException {
        assertThat(response.statusCode()).isEqualTo(status);
        assertThat(JSON.readTree(response.body()).get("reason").asText()).isEqualTo(reason);
        assertThat(JSON.readTree(response.body()).get("message").asText()).startsWith(message);
    }

    /** Reads messages up to the one that says that the run has ended. */
    private void awaitEnd(Iterator<String> lines, String run, List<Integer> numbers)
            throws IOException {
        while (lines.hasNext()) {
            String line = lines.next();
            if (line.startsWith("data:")) {
                JsonNode events = take(line, run, numbers);
                if (events.findValue("runEnded") != null) {
                    return;
                }
            }
        }
        throw new AssertionError("the stream ends before the run");
    }

    /** Reads a message; returns its id. */
    private Optional<String> message(Iterator<String> lines, String run, List<Integer> numbers)
            throws IOException {
        String id = "";
        while (lines.hasNext()) {
            String line = lines.next();
            if (line.startsWith("id: ")) {
                id = line.substring("id: ".length());
            } else if (line.startsWith("data:")) {
                take(line, run, numbers);
                return Optional.of(id);
            }
        }
        return Optional.empty();
    }

    private static JsonNode take(String line, String run, List<Integer> numbers)
            throws IOException {
        JsonNode events = JSON.readTree(line.substring("data:".length())).path("events").path(run);
        StreamSupport.stream(events.spliterator(), false)
                .forEach(event -> numbers.add(event.get("number").asInt()));
        return events;
    }

    private String submit(String request) {
        return coordinator
                .runs()
                .submit(request, TestingPlans.supervised(), List.of(), directory)
                .folder()
                .runId();
    }

    private void connect() {
        student.connect("127.0.0.1:" + coordinator.grpcPort(), "1.0");
    }

    private Stream<String> stream(String after, String... headers) throws Exception {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(uri("/api/stream?after=" + after.replace(":", "%3A")))
                        .timeout(DEADLINE);
        if (headers.length > 0) {
            request.headers(headers);
        }
        HttpResponse<Stream<String>> response = http.send(request.build(), BodyHandlers.ofLines());
        assertThat(response.headers().firstValue("Content-Type")).contains("text/event-stream");
        return response.body();
    }

    private JsonNode json(String path) throws Exception {
        HttpResponse<String> response = get(path);
        assertThat(response.statusCode()).as(path).isEqualTo(200);
        return JSON.readTree(response.body());
    }

    private HttpResponse<String> get(String path) throws Exception {
        return http.send(
                HttpRequest.newBuilder(uri(path)).timeout(DEADLINE).build(),
                BodyHandlers.ofString());
    }

    private URI uri(String path) {
        return URI.create("http://127.0.0.1:" + server.actualPort() + path);
    }
}
