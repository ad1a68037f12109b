package io.abmesh.nn.teacher;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

final class OnnxRuntimeStartTest {
    /** Without a stack of its own for the start, 4000 characters end the process. */
    private static final int CHARACTERS = 50_000;

    @Test
    void startsInAProcessWithALongCommandLine() throws IOException, InterruptedException {
        Process process =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "-Xmx256m",
                                "-Dpadding=" + "/x.jar:".repeat(CHARACTERS / 7),
                                "-cp",
                                System.getProperty("java.class.path"),
                                Started.class.getName())
                        .redirectErrorStream(true)
                        .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(output).isZero();
        assertThat(output).contains("started");
    }

    /** The other process. */
    static final class Started {
        private Started() {}

        public static void main(String[] arguments) {
            OnnxRuntimeStart.environment();
            System.out.println("started");
        }
    }
}
