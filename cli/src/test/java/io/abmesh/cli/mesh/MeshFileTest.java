package io.abmesh.cli.mesh;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class MeshFileTest {

    @TempDir Path folder;

    @Test
    void isReadAsItWasWritten() throws IOException {
        MeshFile file = new MeshFile(folder.resolve("mesh.json"));
        List<MeshFile.Entry> processes =
                List.of(
                        new MeshFile.Entry("cli", 0, 10, 1_700_000_000_123L, 0, 0),
                        new MeshFile.Entry("teacher", 1, 11, 1_700_000_000_456L, 4_001, 4_002));

        file.write(processes);

        assertThat(file.read()).isEqualTo(processes);
        assertThat(folder).isDirectoryNotContaining(path -> path.toString().endsWith(".tmp"));
    }

    @Test
    void isEmptyWhenNothingRuns() throws IOException {
        assertThat(new MeshFile(folder.resolve("mesh.json")).read()).isEmpty();
    }

    @Test
    void killsWhatAnEarlierCommandLeftBehindAndNoOtherProcess() throws IOException {
        Process leftover = new ProcessBuilder("cat").start();
        Process drifted = new ProcessBuilder("cat").start();
        Process stranger = new ProcessBuilder("cat").start();
        try {
            MeshFile file = new MeshFile(folder.resolve("mesh.json"));
            file.write(
                    List.of(
                            new MeshFile.Entry(
                                    "student", 0, leftover.pid(), startOf(leftover), 0, 0),
                            // As an earlier command told it when the clock was a second behind.
                            new MeshFile.Entry(
                                    "student", 1, drifted.pid(), startOf(drifted) - 1_000, 0, 0),
                            // A process that got the id of one that ended long ago.
                            new MeshFile.Entry("teacher", 0, stranger.pid(), 1_000, 0, 0)));

            LocalMesh.killLeftovers(file);

            // The handles: a Process of this JVM notes its own end in a thread of its own, later.
            assertThat(leftover.toHandle().isAlive()).isFalse();
            assertThat(drifted.toHandle().isAlive()).isFalse();
            assertThat(stranger.toHandle().isAlive()).isTrue();
            assertThat(file.file()).doesNotExist();
        } finally {
            leftover.destroyForcibly();
            drifted.destroyForcibly();
            stranger.destroyForcibly();
        }
    }

    private static long startOf(Process process) {
        return process.info().startInstant().map(Instant::toEpochMilli).orElseThrow();
    }
}
