package io.abmesh.cli.mesh;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.cli.error.CliException;
import io.abmesh.cli.error.ExitCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ProcessEndedTest {

    @TempDir Path folder;

    @Test
    void saysWhatTheProcessSaidWhereNoRestartCanMendIt() throws IOException {
        CliException failure = end(2, "INFO starting\nabmesh: port 80 is taken\n").failure();

        assertThat(failure.exitCode()).isEqualTo(ExitCode.BAD_INPUT);
        assertThat(failure.lines()).containsExactly("abmesh: port 80 is taken");
    }

    @Test
    void holdsTheEndOfTheLogWhereTheProcessGaveNoReason() throws IOException {
        CliException failure = end(2, "first\n" + "line\n".repeat(13) + "a\nb\n").failure();
        Files.delete(log());

        assertThat(failure.exitCode()).isEqualTo(ExitCode.BAD_INPUT);
        assertThat(failure.lines())
                .hasSize(16)
                .startsWith("abmesh: teacher-0 refused to start; last lines of " + log() + ":")
                .endsWith("a", "b")
                .doesNotContain("first");
    }

    @Test
    void holdsTheEndOfTheLogOfAProcessThatFailed() throws IOException {
        CliException failure = end(137, "a\nb\n").failure();

        assertThat(failure.exitCode()).isEqualTo(ExitCode.WORKER_FAILED);
        assertThat(failure.lines())
                .containsExactly(
                        "abmesh: teacher-0 failed: exit code 137; last lines of " + log() + ":",
                        "a",
                        "b");
    }

    private ProcessEnded end(int exitCode, String log) throws IOException {
        Files.writeString(log(), log);
        ServiceSpec spec =
                new ServiceSpec(
                        Role.TEACHER,
                        0,
                        folder.resolve("quarkus-run.jar"),
                        Map.of(),
                        folder,
                        log(),
                        folder.resolve("teacher-0.json"));
        return new ProcessEnded(spec, exitCode, 0);
    }

    private Path log() {
        return folder.resolve("teacher-0.log");
    }
}
