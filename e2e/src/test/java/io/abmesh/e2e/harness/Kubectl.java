package io.abmesh.e2e.harness;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/**
 * The program with which people talk to a cluster.
 *
 * @param kubeconfig of the cluster; a command may change it
 * @param folder that commands are run in
 */
public record Kubectl(Path kubeconfig, Path folder) {
    /** Long past the seconds that an API server takes to publish what it has accepted. */
    private static final Duration DEADLINE = Duration.ofMinutes(1);

    /** Runs a command, which must succeed; returns what it says. */
    public String run(String... arguments) throws IOException, InterruptedException {
        Said said = say(arguments);
        assertThat(said.exit()).as("%s: %s", List.of(arguments), said.text()).isZero();
        return said.text();
    }

    /**
     * Runs a command until it succeeds, for what the API server publishes some time after it has
     * accepted it (the schema of a new kind among them); returns what the command says then.
     */
    public String await(String... arguments) throws IOException, InterruptedException {
        Instant end = Instant.now().plus(DEADLINE);
        Said said = say(arguments);
        while (said.exit() != 0) {
            assertThat(Instant.now()).as("%s: %s", List.of(arguments), said.text()).isBefore(end);
            said = say(arguments);
        }
        return said.text();
    }

    private Said say(String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("kubectl", "--kubeconfig=" + kubeconfig));
        command.addAll(List.of(arguments));
        Process process =
                new ProcessBuilder(command)
                        .directory(folder.toFile())
                        .redirectErrorStream(true)
                        .start();
        String text = new String(process.getInputStream().readAllBytes(), UTF_8);
        return new Said(process.waitFor(), text);
    }

    private record Said(int exit, String text) {}
}
