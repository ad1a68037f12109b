package io.abmesh.cli.result;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import com.google.protobuf.util.JsonFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * Reads {@code report.json} by the paths of its keys, for example {@code distilled.accuracy}.
 *
 * @param json the whole
 */
public record RunReport(Struct json) {

    /**
     * Reads a report.
     *
     * @throws IOException if the file is missing or not a JSON object
     */
    public static RunReport read(Path file) throws IOException {
        Struct.Builder json = Struct.newBuilder();
        try {
            JsonFormat.parser().merge(Files.readString(file), json);
        } catch (InvalidProtocolBufferException e) {
            throw new IOException("not a JSON object: " + file, e);
        }
        return new RunReport(json.build());
    }

    /** Returns the number at {@code path}; empty if there is none. */
    public OptionalDouble number(String path) {
        Optional<Value> value = value(path).filter(Value::hasNumberValue);
        return value.isPresent()
                ? OptionalDouble.of(value.get().getNumberValue())
                : OptionalDouble.empty();
    }

    /** Returns the value at {@code path}; empty if there is none. */
    public Optional<Value> value(String path) {
        Struct object = json;
        String[] keys = path.split("\\.", -1);
        for (int i = 0; i < keys.length - 1; i++) {
            Value next = object.getFieldsOrDefault(keys[i], Value.getDefaultInstance());
            object = next.getStructValue();
        }
        return Optional.ofNullable(object.getFieldsMap().get(keys[keys.length - 1]));
    }
}
