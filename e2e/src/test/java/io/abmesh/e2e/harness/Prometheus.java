package io.abmesh.e2e.harness;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.abmesh.kube.Waiting;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URLEncoder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Debian's Prometheus, for as long as a test takes. */
public final class Prometheus implements AutoCloseable {
    private static final Path SERVER = Path.of("/usr/bin/prometheus");
    private static final Path TOOL = Path.of("/usr/bin/promtool");
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final Pattern LISTENS = Pattern.compile("Listening on\"? address=(\\S+)");
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Process process;
    private final String address;

    private Prometheus(Process process, String address) {
        this.process = process;
        this.address = address;
    }

    /** Skips the test where it is not installed, unless {@code abmesh.require-prometheus}. */
    public static void require() {
        boolean there = Files.isExecutable(SERVER) && Files.isExecutable(TOOL);
        assumeTrue(
                there || Boolean.getBoolean("abmesh.require-prometheus"),
                "no Prometheus: install prometheus");
    }

    /**
     * Starts one that reads targets every second.
     *
     * @param targets labels by the address, {@code host:port}, of what has them
     */
    public static Prometheus start(Path folder, Map<String, Map<String, String>> targets)
            throws IOException {
        require();
        StringBuilder config =
                new StringBuilder(
                        """
                        global: {scrape_interval: 1s, scrape_timeout: 1s}
                        scrape_configs:
                          - job_name: abmesh
                            metrics_path: /q/metrics
                            static_configs:
                        """);
        for (Map.Entry<String, Map<String, String>> target : targets.entrySet()) {
            config.append("      - targets: [").append(quoted(target.getKey())).append("]\n");
            config.append("        labels: ")
                    .append(JSON.writeValueAsString(target.getValue()))
                    .append("\n");
        }
        Files.createDirectories(folder);
        Path file = Files.writeString(folder.resolve("prometheus.yaml"), config);
        Path log = folder.resolve("prometheus.log");
        Process process =
                new ProcessBuilder(
                                SERVER.toString(),
                                "--config.file=" + file,
                                "--storage.tsdb.path=" + folder.resolve("data"),
                                "--web.listen-address=127.0.0.1:0")
                        .redirectErrorStream(true)
                        .redirectOutput(log.toFile())
                        .start();
        Waiting.until(
                "Prometheus listens; see " + log,
                PATIENCE,
                () -> !process.isAlive() || LISTENS.matcher(text(log)).find());
        Matcher listens = LISTENS.matcher(text(log));
        assertThat(listens.find()).as(text(log)).isTrue();
        return new Prometheus(process, listens.group(1));
    }

    private static String quoted(String text) throws IOException {
        return JSON.writeValueAsString(text);
    }

    private static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Returns the series that an expression has now.
     *
     * @throws IllegalArgumentException if it is none
     */
    public List<JsonNode> query(String expression) {
        try {
            String answer =
                    Http.get(
                            "http://"
                                    + address
                                    + "/api/v1/query?query="
                                    + URLEncoder.encode(expression, UTF_8));
            JsonNode body = JSON.readTree(answer);
            if (!body.path("status").asText().equals("success")) {
                throw new IllegalArgumentException(expression + ": " + answer);
            }
            return List.copyOf(body.at("/data/result").findParents("value"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Returns once an expression has a series. */
    public void await(String expression) {
        Waiting.until("Prometheus has " + expression, PATIENCE, () -> has(expression));
    }

    private boolean has(String expression) {
        return !query(expression).isEmpty();
    }

    /** Runs {@code promtool test rules}, which must find nothing wrong. */
    public static void testRules(Path file) throws IOException, InterruptedException {
        require();
        Process tool =
                new ProcessBuilder(TOOL.toString(), "test", "rules", file.toString())
                        .redirectErrorStream(true)
                        .start();
        String output = new String(tool.getInputStream().readAllBytes(), UTF_8);
        assertThat(tool.waitFor()).as(output).isZero();
    }

    @Override
    public void close() {
        process.destroyForcibly();
        process.onExit().join();
    }
}
