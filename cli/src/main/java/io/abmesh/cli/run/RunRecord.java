package io.abmesh.cli.run;

import static java.util.Objects.requireNonNull;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.ListValue;
import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import com.google.protobuf.util.JsonFormat;
import io.abmesh.proto.process.PublishedFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * {@code run.json}: what a run's folder must remember so that it can be resumed without the command
 * that began it.
 *
 * @param requestId id under which the run was submitted; the coordinator answers it with the same
 *     run again
 * @param planFile the plan as its user named it, absolute; for messages
 * @param baseDirectory folder that relative paths of the plan are relative to, absolute
 * @param overrides {@code KEY=VALUE} that the plan was changed by, in order
 * @param planSha256 digest of the complete plan
 * @param students number of student-workers
 * @param threads compute threads of a student-worker; 0: as many as there are processors
 * @param teachers number of teacher-workers
 * @param cache folder of the boundary cache, absolute
 */
record RunRecord(
        String requestId,
        Path planFile,
        Path baseDirectory,
        List<String> overrides,
        String planSha256,
        int students,
        int threads,
        int teachers,
        Path cache) {
    /** What a run had before it could have more. */
    private static final Value ONE = Value.newBuilder().setNumberValue(1).build();

    private static final Value NONE = Value.newBuilder().setNumberValue(0).build();

    RunRecord {
        requireNonNull(requestId, "requestId");
        requireNonNull(planFile, "planFile");
        requireNonNull(baseDirectory, "baseDirectory");
        overrides = List.copyOf(overrides);
        requireNonNull(planSha256, "planSha256");
        requireNonNull(cache, "cache");
    }

    void write(Path file) throws IOException {
        ListValue.Builder overrideList = ListValue.newBuilder();
        overrides.forEach(override -> overrideList.addValues(text(override)));
        Struct json =
                Struct.newBuilder()
                        .putFields("requestId", text(requestId))
                        .putFields("planFile", text(planFile.toString()))
                        .putFields("baseDirectory", text(baseDirectory.toString()))
                        .putFields(
                                "overrides", Value.newBuilder().setListValue(overrideList).build())
                        .putFields("planSha256", text(planSha256))
                        .putFields("students", Value.newBuilder().setNumberValue(students).build())
                        .putFields("threads", Value.newBuilder().setNumberValue(threads).build())
                        .putFields("teachers", Value.newBuilder().setNumberValue(teachers).build())
                        .putFields("cache", text(cache.toString()))
                        .build();
        PublishedFile.write(file, JsonFormat.printer().print(json) + "\n");
    }

    static RunRecord read(Path file) throws IOException {
        Struct.Builder json = Struct.newBuilder();
        try {
            JsonFormat.parser().merge(Files.readString(file), json);
            return new RunRecord(
                    json.getFieldsOrThrow("requestId").getStringValue(),
                    Path.of(json.getFieldsOrThrow("planFile").getStringValue()),
                    Path.of(json.getFieldsOrThrow("baseDirectory").getStringValue()),
                    json.getFieldsOrThrow("overrides").getListValue().getValuesList().stream()
                            .map(Value::getStringValue)
                            .toList(),
                    json.getFieldsOrThrow("planSha256").getStringValue(),
                    (int) json.getFieldsOrDefault("students", ONE).getNumberValue(),
                    (int) json.getFieldsOrDefault("threads", NONE).getNumberValue(),
                    (int) json.getFieldsOrThrow("teachers").getNumberValue(),
                    Path.of(json.getFieldsOrThrow("cache").getStringValue()));
        } catch (InvalidProtocolBufferException | IllegalArgumentException e) {
            throw new IOException("not a run's record: " + file, e);
        }
    }

    private static Value text(String value) {
        return Value.newBuilder().setStringValue(value).build();
    }
}
