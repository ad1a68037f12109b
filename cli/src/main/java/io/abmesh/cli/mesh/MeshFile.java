package io.abmesh.cli.mesh;

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
 * {@code mesh.json}: the processes of a mesh while it runs.
 *
 * <pre>{@code
 * {"processes": [{"role": "teacher", "index": 0, "pid": 4711, "startMillis": 1.7e12, "grpcPort": 40123, "httpPort": 40124}]}
 * }</pre>
 *
 * The command itself is there with the role {@code cli} and without ports. A process that does not
 * serve yet has ports 0.
 *
 * @param file where it is
 */
public record MeshFile(Path file) {

    /**
     * One process.
     *
     * @param role {@code cli}, {@code coordinator}, {@code teacher} or {@code student}
     * @param index its number among those of its role, from 0
     * @param pid process id
     * @param startMillis when it started, in milliseconds since 1970; tells it from a later process
     *     with the same id
     * @param grpcPort port of its gRPC server, or 0
     * @param httpPort port of its HTTP server, or 0
     */
    public record Entry(
            String role, int index, long pid, long startMillis, int grpcPort, int httpPort) {

        public Entry {
            requireNonNull(role, "role");
        }
    }

    public MeshFile {
        requireNonNull(file, "file");
    }

    /**
     * Publishes the list by rename, so that a reader sees all or nothing.
     *
     * @throws IOException if the folder cannot be written
     */
    public void write(List<Entry> processes) throws IOException {
        ListValue.Builder list = ListValue.newBuilder();
        for (Entry entry : processes) {
            list.addValues(
                    Value.newBuilder()
                            .setStructValue(
                                    Struct.newBuilder()
                                            .putFields(
                                                    "role",
                                                    Value.newBuilder()
                                                            .setStringValue(entry.role)
                                                            .build())
                                            .putFields("index", number(entry.index))
                                            .putFields("pid", number(entry.pid))
                                            .putFields("startMillis", number(entry.startMillis))
                                            .putFields("grpcPort", number(entry.grpcPort))
                                            .putFields("httpPort", number(entry.httpPort))));
        }
        Struct json =
                Struct.newBuilder()
                        .putFields("processes", Value.newBuilder().setListValue(list).build())
                        .build();
        PublishedFile.write(file, JsonFormat.printer().print(json) + "\n");
    }

    /**
     * Reads the list; empty if there is no file.
     *
     * @throws IOException if the file is not of this form
     */
    public List<Entry> read() throws IOException {
        if (!Files.exists(file)) {
            return List.of();
        }
        Struct.Builder json = Struct.newBuilder();
        try {
            JsonFormat.parser().merge(Files.readString(file), json);
            return json.getFieldsOrThrow("processes").getListValue().getValuesList().stream()
                    .map(value -> entry(value.getStructValue()))
                    .toList();
        } catch (InvalidProtocolBufferException | IllegalArgumentException e) {
            throw new IOException("not a list of processes: " + file, e);
        }
    }

    /** Removes the file: nothing runs any more. */
    public void delete() throws IOException {
        Files.deleteIfExists(file);
    }

    private static Entry entry(Struct json) {
        return new Entry(
                json.getFieldsOrThrow("role").getStringValue(),
                (int) json.getFieldsOrThrow("index").getNumberValue(),
                (long) json.getFieldsOrThrow("pid").getNumberValue(),
                (long) json.getFieldsOrThrow("startMillis").getNumberValue(),
                (int) json.getFieldsOrThrow("grpcPort").getNumberValue(),
                (int) json.getFieldsOrThrow("httpPort").getNumberValue());
    }

    private static Value number(long value) {
        return Value.newBuilder().setNumberValue((double) value).build();
    }
}
