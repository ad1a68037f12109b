package io.abmesh.cli.mesh;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ProcessLogTest {

    @TempDir Path folder;

    @Test
    void findsTheLastFatalLineOfTheLastStart() throws IOException {
        Path file = folder.resolve("teacher-0.log");
        String earlier = "abmesh: an earlier end\n";
        Files.writeString(file, earlier + "INFO starting\nabmesh: not an ONNX file: x.onnx\nbye\n");
        ProcessLog log = new ProcessLog(file);

        assertThat(log.lastFatal(0)).contains("not an ONNX file: x.onnx");
        assertThat(log.lastFatal(earlier.length())).contains("not an ONNX file: x.onnx");
        assertThat(log.lastFatal(Files.size(file))).isEmpty();
        assertThat(log.lastLines(2)).containsExactly("abmesh: not an ONNX file: x.onnx", "bye");
    }

    @Test
    void readsOnlyTheEndOfALongLog() throws IOException {
        Path file = folder.resolve("teacher-0.log");
        Files.writeString(file, "line\n".repeat(100_000) + "last\n");

        assertThat(new ProcessLog(file).lastLines(1)).containsExactly("last");
    }
}
