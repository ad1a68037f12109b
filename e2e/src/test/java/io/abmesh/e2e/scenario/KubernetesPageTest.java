package io.abmesh.e2e.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.e2e.harness.AbmeshCommand;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/**
 * Every command of the page on Kubernetes is one that a test, or CI on its way to one, runs with
 * other values.
 */
final class KubernetesPageTest {
    private static final Map<String, String> RUN_BY =
            Map.ofEntries(
                    Map.entry("mvn -Pimages package .*", "ImagesIT"),
                    Map.entry("images/src/main/scripts/base-of-this-machine.sh \\S+", "ImagesIT"),
                    Map.entry(
                            "mvn -Pimages,cuda package", ".ci/run, which resolves what they hold"),
                    Map.entry(
                            "kubectl (apply|delete) -k deploy/kubernetes/overlays/\\w+",
                            "ManifestsIT"),
                    Map.entry(
                            "kubectl config set-context --current --namespace=abmesh",
                            "ManifestsIT"),
                    Map.entry(
                            "kubectl rollout status statefulset/abmesh-coordinator", "ManifestsIT"),
                    Map.entry("kubectl explain drun.spec", "ManifestsIT"),
                    Map.entry("kubectl apply -f deploy/kubernetes/crd/\\S+", "ManifestsIT"),
                    Map.entry(
                            "kubectl apply -f deploy/kubernetes/examples/gpu.yaml", "ManifestsIT"),
                    Map.entry("kubectl scale drun \\w+ --replicas=3", "ManifestsIT"),
                    Map.entry("kubectl get nodes -o custom-columns=\\S+", "ManifestsIT"),
                    Map.entry(
                            "kubectl apply -f deploy/kubernetes/examples/quickstart.yaml",
                            "ClusterRunIT"),
                    Map.entry("kubectl get drun \\w+( -o yaml)?", "ClusterRunIT"),
                    Map.entry("kubectl get pods -l abmesh.io/run=\\w+", "ClusterRunIT"),
                    Map.entry("kubectl delete drun --all", "ClusterRunIT"),
                    Map.entry("mkdir -m 700 client", "ClusterRunIT"),
                    Map.entry(
                            "kubectl get secret abmesh-client -o go-template='\\{\\{.*}}' > client/\\S+",
                            "ClusterRunIT"),
                    Map.entry("export ABMESH_TLS=client", "ClusterRunIT"),
                    Map.entry(
                            "./abmesh (submit|list|watch|get|suspend|resume|cancel)( .*)?",
                            "ClusterRunIT"),
                    Map.entry(
                            "kubectl port-forward service/abmesh-coordinator \\d+",
                            "none: it needs a kubelet, and where tests run no pod starts"));

    private static final Pattern IN_A_SENTENCE =
            Pattern.compile("`((?:kubectl|mvn|\\./abmesh) [^`]+)`");

    @Test
    void everyCommandIsOneThatATestRuns() throws IOException {
        List<String> commands = new ArrayList<>();
        String block = "";
        for (String line : Files.readAllLines(AbmeshCommand.root().resolve("docs/kubernetes.md"))) {
            if (line.startsWith("```")) {
                block = block.isEmpty() ? line : "";
            } else if (block.equals("```sh")) {
                commands.add(line);
            } else if (block.isEmpty()) {
                Matcher inSentence = IN_A_SENTENCE.matcher(line);
                while (inSentence.find()) {
                    commands.add(inSentence.group(1));
                }
            }
        }
        assertThat(commands).hasSizeGreaterThan(25);
        assertThat(commands)
                .allMatch(
                        command ->
                                RUN_BY.keySet().stream()
                                        .anyMatch(known -> Pattern.matches(known, command)));
    }
}
