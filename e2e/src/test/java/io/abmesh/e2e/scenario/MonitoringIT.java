package io.abmesh.e2e.scenario;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.abmesh.e2e.harness.AbmeshCommand;
import io.abmesh.e2e.harness.MetricsPage;
import io.abmesh.e2e.harness.Prometheus;
import io.abmesh.e2e.harness.Services;
import io.abmesh.e2e.harness.TinyPlan;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a platform team sees of a run, by a real Prometheus. */
final class MonitoringIT {
    private static final Path MONITORING =
            AbmeshCommand.root().resolve("deploy/kubernetes/components/monitoring");
    private static final KubernetesSerialization YAML = new KubernetesSerialization();

    @TempDir Path folder;

    @Test
    void everyQueryOfDashboardAndAlertsHasSeriesOfARun() throws Exception {
        Path plan = TinyPlan.write(folder);
        Prometheus.require();
        try (Services services = new Services(folder)) {
            services.startCoordinator();
            services.startWorkers(folder.resolve("teacher.onnx"));
            try (Prometheus prometheus =
                    Prometheus.start(
                            folder.resolve("prometheus"),
                            Map.of(
                                    services.http("coordinator"),
                                    Map.of("namespace", "abmesh", "pod", "abmesh-coordinator-0"),
                                    services.http("teacher"),
                                    worker("teacher"),
                                    services.http("student"),
                                    worker("student")))) {
                services.submit(plan, "compare.crossEntropy=false");
                prometheus.await("abmesh_coordinator_runs{state=\"succeeded\"} == 1");
                prometheus.await(
                        "abmesh_coordinator_steps_committed_total == " + TinyPlan.STEPS / 2);
                for (String query : dashboardQueries()) {
                    prometheus.await(query.replace("$run", "tiny"));
                }
                for (String query : alertQueries()) {
                    // A comparison drops what is well: its sides must be there.
                    for (String side : query.split("[<>=]=? [0-9.]+|\\band\\b")) {
                        if (!side.isBlank()) {
                            prometheus.await(side);
                        }
                    }
                }
            }
            Map<String, String> sections = new LinkedHashMap<>();
            sections.put("Coordinator", services.http("coordinator"));
            sections.put("Teacher-worker", services.http("teacher"));
            sections.put("Student-worker", services.http("student"));
            assertPage(MetricsPage.of(sections));
        }
    }

    private static void assertPage(String made) throws IOException {
        Path page = AbmeshCommand.root().resolve("docs/metrics.md");
        if (Boolean.getBoolean("abmesh.write-generated")) {
            Files.writeString(page, made);
        }
        assertThat(page).as("run the test with -Dabmesh.write-generated=true").hasContent(made);
    }

    @Test
    void alertsFireWhenTheyShouldAndNotBefore() throws Exception {
        Prometheus.require();
        Path rules = folder.resolve("alerts.yaml");
        Files.writeString(rules, YAML.asYaml(manifest("alerts.yaml").path("spec")));
        Path cases =
                Files.copy(
                        Path.of(MonitoringIT.class.getResource("/alerts-test.yaml").toURI()),
                        folder.resolve("alerts-test.yaml"));
        Prometheus.testRules(cases);
    }

    private static Map<String, String> worker(String role) {
        return Map.of("namespace", "abmesh", "pod", role + "-0", "abmesh_io_run", "tiny");
    }

    private static List<String> dashboardQueries() throws IOException {
        JsonNode dashboard =
                new ObjectMapper()
                        .readTree(manifest("dashboard.yaml").at("/data/abmesh.json").asText());
        List<String> queries = dashboard.findValuesAsText("expr");
        assertThat(queries).isNotEmpty();
        return queries;
    }

    private static List<String> alertQueries() throws IOException {
        List<String> queries = manifest("alerts.yaml").findValuesAsText("expr");
        assertThat(queries).isNotEmpty();
        return queries;
    }

    private static JsonNode manifest(String name) throws IOException {
        return YAML.unmarshal(Files.readString(MONITORING.resolve(name)), JsonNode.class);
    }
}
