package io.abmesh.proto.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class PublishedFileTest {
    @TempDir Path folder = Path.of("");

    @Test
    void replacesWhatIsThereAndLeavesNothingBeside() throws IOException {
        Path file = folder.resolve("study.yaml");
        PublishedFile.write(file, "a longer text than the next");
        PublishedFile.write(file, "next");

        assertThat(file).hasContent("next");
        assertThat(folder.toFile().list()).containsExactly("study.yaml");
    }
}
