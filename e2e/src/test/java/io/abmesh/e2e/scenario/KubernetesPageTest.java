package io.abmesh.e2e.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.e2e.harness.AbmeshCommand;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/**
 * Every command of the page on Kubernetes is one that a test, or CI on its way to one, runs with
 * other values.
 */
final class KubernetesPageTest {
    private static final Map<String, String> RUN_BY =
            Map.of(
                    "mvn -Pimages package .*", "ImagesIT",
                    "images/src/main/scripts/base-of-this-machine.sh \\S+", "ImagesIT",
                    "kubectl apply -k deploy/kubernetes/overlays/\\w+", "ManifestsIT",
                    "kubectl apply -f deploy/kubernetes/examples/quickstart.yaml", "ClusterRunIT",
                    "kubectl get drun \\w+( -o yaml)?", "ClusterRunIT",
                    "mkdir -m 700 client", "ClusterRunIT",
                    "kubectl get secret abmesh-client -o go-template='\\{\\{.*}}' > client/\\S+",
                            "ClusterRunIT",
                    "export ABMESH_TLS=client", "ClusterRunIT",
                    "./abmesh (submit|list|watch|get|suspend|resume|cancel)( .*)?", "ClusterRunIT");

    @Test
    void everyCommandIsOneThatATestRuns() throws IOException {
        List<String> commands = new ArrayList<>();
        boolean inside = false;
        for (String line : Files.readAllLines(AbmeshCommand.root().resolve("docs/kubernetes.md"))) {
            if (line.startsWith("```")) {
                inside = line.equals("```sh");
            } else if (inside) {
                commands.add(line);
            }
        }
        assertThat(commands).hasSizeGreaterThan(10);
        assertThat(commands)
                .allMatch(
                        command ->
                                RUN_BY.keySet().stream()
                                        .anyMatch(known -> Pattern.matches(known, command)));
    }
}
