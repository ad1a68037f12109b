package io.abmesh.proto.process;

import static java.util.Objects.requireNonNull;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import com.google.protobuf.util.JsonFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * What a process says, in a file of one JSON object, once it serves: {@code {"role": "coordinator",
 * "pid": 4711, "grpcPort": 40123, "httpPort": 40124}}. Whoever started it on port 0 learns the
 * ports here.
 *
 * @param role {@code coordinator}, {@code teacher} or {@code student}
 * @param pid process id
 * @param grpcPort port of its gRPC server, 1 to 65535
 * @param httpPort port of its HTTP server, 1 to 65535, or 0 if it has none
 */
public record ReadyFile(String role, long pid, int grpcPort, int httpPort) {

    public ReadyFile {
        requireNonNull(role, "role");
        if (grpcPort < 1 || grpcPort > 65_535 || httpPort < 0 || httpPort > 65_535) {
            throw new IllegalArgumentException(
                    "not a port: grpcPort=" + grpcPort + ", httpPort=" + httpPort);
        }
    }

    /**
     * Publishes this under {@code file}: written beside it and renamed, so that a reader sees all
     * or nothing.
     *
     * @throws IOException if the folder cannot be written
     */
    public void write(Path file) throws IOException {
        Struct json =
                Struct.newBuilder()
                        .putFields("role", Value.newBuilder().setStringValue(role).build())
                        .putFields("pid", number(pid))
                        .putFields("grpcPort", number(grpcPort))
                        .putFields("httpPort", number(httpPort))
                        .build();
        Path absolute = file.toAbsolutePath();
        Path folder = requireNonNull(absolute.getParent(), "folder of the ready file");
        Files.createDirectories(folder);
        PublishedFile.write(absolute, JsonFormat.printer().print(json) + "\n");
    }

    /**
     * Reads what {@link #write} wrote.
     *
     * @throws IOException if the file is missing or is not of this form
     */
    public static ReadyFile read(Path file) throws IOException {
        Struct.Builder json = Struct.newBuilder();
        try {
            JsonFormat.parser().merge(Files.readString(file), json);
            return new ReadyFile(
                    json.getFieldsOrThrow("role").getStringValue(),
                    (long) json.getFieldsOrThrow("pid").getNumberValue(),
                    (int) json.getFieldsOrThrow("grpcPort").getNumberValue(),
                    (int) json.getFieldsOrThrow("httpPort").getNumberValue());
        } catch (InvalidProtocolBufferException | IllegalArgumentException e) {
            throw new IOException("not a ready file: " + file, e);
        }
    }

    private static Value number(long value) {
        return Value.newBuilder().setNumberValue((double) value).build();
    }
}
