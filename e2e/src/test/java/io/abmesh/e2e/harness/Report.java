package io.abmesh.e2e.harness;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import com.google.protobuf.util.JsonFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A run's report.json.
 *
 * @param json the whole
 */
public record Report(Struct json) {

    /** Reads the report in {@code folder}. */
    public static Report of(Path folder) throws IOException {
        Struct.Builder json = Struct.newBuilder();
        JsonFormat.parser().merge(Files.readString(folder.resolve("report.json")), json);
        return new Report(json.build());
    }

    /** Returns the value at a path of keys; fails if there is none. */
    public Value value(String... keys) {
        Value value = Value.newBuilder().setStructValue(json).build();
        for (String key : keys) {
            assertThat(value.getStructValue().getFieldsMap())
                    .as("report.json, on the way to %s", String.join(".", keys))
                    .containsKey(key);
            value = value.getStructValue().getFieldsOrThrow(key);
        }
        return value;
    }

    /** Returns the number at a path of keys. */
    public double number(String... keys) {
        Value value = value(keys);
        assertThat(value.hasNumberValue()).as("%s is a number", String.join(".", keys)).isTrue();
        return value.getNumberValue();
    }

    /** Returns the text at a path of keys. */
    public String text(String... keys) {
        return value(keys).getStringValue();
    }
}
