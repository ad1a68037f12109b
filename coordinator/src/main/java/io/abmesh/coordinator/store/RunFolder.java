package io.abmesh.coordinator.store;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.protobuf.util.JsonFormat;
import io.abmesh.coordinator.plan.CompletePlan;
import io.abmesh.proto.v1.Plan;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/**
 * A run as it was submitted, and its folder:
 *
 * <pre>
 * plan.yaml       as the user wrote it
 * plan.json       complete, and what the run goes on with, whatever the defaults are by then
 * run.json        who submitted what, when
 * events.journal  what happened
 * ledger          what was refused, counted
 * metrics.jsonl, report.json, report.html, student.onnx, student.dl4j.zip
 * delivery.json   which end's result was put into an object store, and where
 * </pre>
 *
 * @param folder absolute
 * @param runId name of the run
 * @param requestId of the submission
 * @param plan complete, checked
 * @param overrides that were applied
 * @param baseDirectory that relative paths are relative to
 * @param submitTime when
 */
public record RunFolder(
        Path folder,
        String runId,
        String requestId,
        CompletePlan plan,
        List<String> overrides,
        Path baseDirectory,
        Instant submitTime) {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String DESCRIPTION = "run.json";
    private static final String PLAN = "plan.json";

    /** What is a run's result, as far as it is there; the report, which says that it is, last. */
    public static final List<String> RESULT =
            List.of(
                    "plan.yaml",
                    PLAN,
                    "metrics.jsonl",
                    "student.onnx",
                    "student.dl4j.zip",
                    "report.html",
                    "report.json");

    /** How the names of files end that are not whole yet: {@value}. */
    static final String PART = ".part";

    public RunFolder {
        overrides = List.copyOf(overrides);
    }

    /** Makes the folder; it is whole once this returns. */
    void create(String yaml) throws IOException {
        Files.createDirectories(folder);
        publish("plan.yaml", yaml.getBytes(UTF_8));
        publish(PLAN, JsonFormat.printer().print(plan.plan()).getBytes(UTF_8));
        describe();
    }

    /** Returns the same run with relative paths relative to another folder, written down. */
    RunFolder moved(Path base) throws IOException {
        RunFolder moved =
                new RunFolder(folder, runId, requestId, plan, overrides, base, submitTime);
        moved.describe();
        return moved;
    }

    private void describe() throws IOException {
        ObjectNode description = JSON.createObjectNode();
        description.put("runId", runId);
        description.put("requestId", requestId);
        description.put("baseDirectory", baseDirectory.toString());
        description.put("submitTime", submitTime.toString());
        overrides.forEach(description.putArray("overrides")::add);
        publish(DESCRIPTION, JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(description));
    }

    /**
     * Reads a folder that {@link #create} finished. Its plan was checked then and is not again: a
     * later version may have other rules and other defaults.
     */
    static RunFolder open(Path folder) throws IOException {
        try (DirectoryStream<Path> parts = Files.newDirectoryStream(folder, "*" + PART)) {
            for (Path part : parts) {
                Files.delete(part); // of a process that was killed
            }
        }
        JsonNode description = JSON.readTree(folder.resolve(DESCRIPTION).toFile());
        List<String> overrides = new ArrayList<>();
        description.path("overrides").forEach(o -> overrides.add(o.asText()));
        return new RunFolder(
                folder,
                description.path("runId").asText(),
                description.path("requestId").asText(),
                CompletePlan.stored(plan(folder)),
                overrides,
                Path.of(description.path("baseDirectory").asText()),
                Instant.parse(description.path("submitTime").asText()));
    }

    private static Plan plan(Path folder) throws IOException {
        Plan.Builder plan = Plan.newBuilder();
        try {
            JsonFormat.parser().merge(Files.readString(folder.resolve(PLAN)), plan);
        } catch (IOException e) {
            throw new IOException(
                    "plan of a run cannot be read: folder="
                            + folder
                            + ", found="
                            + e
                            + ", expected=a whole "
                            + PLAN
                            + "; move the folder out of the store to start without it",
                    e);
        }
        return plan.build();
    }

    /** Tells a folder that {@link #create} finished from one that it did not. */
    static boolean whole(Path folder) {
        return Files.isRegularFile(folder.resolve(DESCRIPTION));
    }

    /** Returns the place of a file of the run. */
    public Path file(String name) {
        return folder.resolve(name);
    }

    /** Begins to take a file of the run that arrives in pieces. */
    public IncomingFile receive(String name) throws IOException {
        return IncomingFile.open(folder.resolve(name));
    }

    /** Writes a file so that readers find it whole or not at all. */
    public void publish(String name, byte[] content) throws IOException {
        Path temporary = folder.resolve(name + PART);
        try {
            try (FileChannel channel =
                    FileChannel.open(
                            temporary,
                            StandardOpenOption.CREATE,
                            StandardOpenOption.TRUNCATE_EXISTING,
                            StandardOpenOption.WRITE)) {
                ByteBuffer bytes = ByteBuffer.wrap(content);
                while (bytes.hasRemaining()) {
                    channel.write(bytes);
                }
                channel.force(true);
            }
            Files.move(temporary, folder.resolve(name), StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(temporary);
        }
    }
}
