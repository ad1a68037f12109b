package io.abmesh.proto.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ReadyFileTest {

    @TempDir Path folder;

    @Test
    void isReadAsItWasWrittenAndLeavesNothingBeside() throws IOException {
        ReadyFile ready = new ReadyFile("coordinator", 4_711, 40_123, 40_124);
        Path file = folder.resolve("new").resolve("coordinator.json");

        ready.write(file);

        assertThat(ReadyFile.read(file)).isEqualTo(ready);
        assertThat(file.getParent()).isDirectoryContaining(path -> path.equals(file));
        try (var files = Files.list(file.getParent())) {
            assertThat(files).containsExactly(file);
        }
    }

    @Test
    void refusesAFileOfAnotherForm() throws IOException {
        Path file = folder.resolve("other.json");
        Files.writeString(file, "{\"role\": \"teacher\"}");

        assertThatThrownBy(() -> ReadyFile.read(file))
                .isInstanceOf(IOException.class)
                .hasMessage("not a ready file: " + file);
    }
}
