package io.abmesh.e2e.scenario;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.abmesh.e2e.harness.AbmeshCommand;
import io.abmesh.e2e.harness.Kubectl;
import io.abmesh.e2e.harness.Manifests;
import io.abmesh.kube.ApiServer;
import io.abmesh.kube.Binaries;
import io.abmesh.kube.Schemas;
import io.abmesh.kube.TestingKubelet;
import io.fabric8.kubernetes.api.model.apps.StatefulSet;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What {@code deploy/} renders. */
final class ManifestsIT {
    private static final String MONITOR = "ServiceMonitor/abmesh";

    /** Kinds of the Prometheus operator; {@code MonitoringIT} has what is in the rules run. */
    private static final Set<String> FOREIGN = Set.of(MONITOR, "PrometheusRule/abmesh");

    @TempDir Path directory;

    @ParameterizedTest
    @ValueSource(strings = {"laptop", "production"})
    void theChartRendersTheObjectsOfTheOverlay(String overlay) throws Exception {
        Map<String, ObjectNode> kustomize = new TreeMap<>(Manifests.kustomize(overlay));
        // Helm makes the namespace with --create-namespace, and takes the definition from crds/.
        assertThat(kustomize.remove("Namespace/abmesh")).isNotNull();
        assertThat(kustomize.remove("CustomResourceDefinition/distillationruns.abmesh.io"))
                .isNotNull();
        Path deploy = AbmeshCommand.root().resolve("deploy");
        assertThat(deploy.resolve("helm/abmesh/crds/distillationruns.abmesh.io.yaml"))
                .hasSameTextualContentAs(
                        deploy.resolve("kubernetes/crd/distillationruns.abmesh.io.yaml"));
        Map<String, ObjectNode> helm = Manifests.helm(overlay);
        assertThat(helm.keySet()).isEqualTo(kustomize.keySet());
        for (String name : helm.keySet()) {
            assertThat(helm.get(name)).as(name).isEqualTo(kustomize.get(name));
        }
    }

    @Test
    void theChartRendersTheAuthorityOfCertManagerAsTheComponentDoes() throws Exception {
        Map<String, ObjectNode> kustomize =
                Manifests.kustomize("production", "cert-manager", directory);
        Map<String, ObjectNode> helm = Manifests.helm("production", "certManager");
        for (String name : List.of("Issuer/abmesh-ca", "Certificate/abmesh-ca")) {
            assertThat(helm.get(name)).as(name).isNotNull().isEqualTo(kustomize.get(name));
        }
        ObjectNode certificate = kustomize.get("Certificate/abmesh-ca");
        assertThat(certificate.at("/spec/secretName").asText()).isEqualTo("abmesh-ca");
        Manifests.parseStrictly(kustomize.get("Issuer/abmesh-ca"));
        Manifests.parseStrictly(certificate);
        ((ObjectNode) certificate.path("spec")).put("isCa", true);
        assertThatThrownBy(() -> Manifests.parseStrictly(certificate))
                .isInstanceOf(UnrecognizedPropertyException.class);
    }

    @Test
    void theAuthorityOfCertManagerFitsItsSchema() throws Exception {
        Optional<Schemas> schemas = Schemas.find();
        assumeTrue(schemas.isPresent(), Schemas.missing());
        Map<String, ObjectNode> objects =
                Manifests.kustomize("production", "cert-manager", directory);
        ObjectNode certificate = objects.get("Certificate/abmesh-ca");
        assertThat(
                        schemas.get()
                                .problems(
                                        List.of(
                                                objects.get("Issuer/abmesh-ca").toString(),
                                                certificate.toString())))
                .isEmpty();
        ((ObjectNode) certificate.at("/spec/privateKey")).put("algorithm", "EC");
        assertThat(schemas.get().problems(List.of(certificate.toString())))
                .singleElement()
                .asString()
                .startsWith("Certificate/abmesh-ca: ")
                .contains("algorithm");
    }

    @ParameterizedTest
    @ValueSource(strings = {"laptop", "production"})
    void everyObjectHasNoFieldThatItsKindDoesNotKnow(String overlay) throws Exception {
        for (Map.Entry<String, ObjectNode> object : Manifests.kustomize(overlay).entrySet()) {
            if (!FOREIGN.contains(object.getKey())) {
                Manifests.parseStrictly(object.getValue());
            }
        }
    }

    @Test
    void aFieldThatItsKindDoesNotKnowIsFound() throws Exception {
        ObjectNode service = Manifests.kustomize("laptop").get("Service/abmesh-coordinator");
        ((ObjectNode) service.path("spec")).put("clusterIp", "None");
        assertThatThrownBy(() -> Manifests.parseStrictly(service))
                .isInstanceOf(UnrecognizedPropertyException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"laptop", "production"})
    void everyObjectFitsTheSchemaOfACurrentKubernetes(String overlay) throws Exception {
        Optional<Schemas> schemas = Schemas.find();
        assumeTrue(schemas.isPresent(), Schemas.missing());
        Map<String, ObjectNode> objects = Manifests.kustomize(overlay);
        assertThat(schemas.get().problems(objects.values().stream().map(Object::toString).toList()))
                .isEmpty();
        ObjectNode wrong = objects.get("StatefulSet/abmesh-coordinator");
        ((ObjectNode) wrong.path("spec")).put("replicas", "one");
        assertThat(schemas.get().problems(List.of(wrong.toString())))
                .singleElement()
                .asString()
                .startsWith("StatefulSet/abmesh-coordinator: ")
                .contains("replicas");
    }

    @ParameterizedTest
    @ValueSource(strings = {"laptop", "production"})
    void theImagesAreThoseThatTheBuildMakes(String overlay) throws Exception {
        String tag = version();
        assertThat(images(Manifests.kustomize(overlay)))
                .containsExactlyInAnyOrder(
                        "abmesh/coordinator:" + tag,
                        "abmesh/student-worker:" + tag,
                        "abmesh/teacher-worker:" + tag,
                        "abmesh/student-worker:" + tag + "-cuda",
                        "abmesh/teacher-worker:" + tag + "-cuda");
    }

    @Test
    void anOverlayWithARegistryOfOnesOwnTakesEveryImageFromThere() throws Exception {
        Map<String, ObjectNode> objects =
                Manifests.kustomize(
                        AbmeshCommand.root().resolve("deploy/kubernetes/examples/registry"));
        assertThat(images(objects))
                .containsExactlyInAnyOrderElementsOf(
                        images(Manifests.kustomize("production")).stream()
                                .map(image -> "registry.example.com/" + image)
                                .toList());
    }

    /** Images of the coordinator and of the workers that it makes. */
    private static List<String> images(Map<String, ObjectNode> objects) {
        JsonNode container =
                objects.get("StatefulSet/abmesh-coordinator")
                        .at("/spec/template/spec/containers/0");
        List<String> images = new ArrayList<>();
        images.add(container.path("image").asText());
        for (JsonNode variable : container.path("env")) {
            if (variable.path("name").asText().startsWith("ABMESH_CLUSTER_IMAGES_")) {
                images.add(variable.path("value").asText());
            }
        }
        return images;
    }

    /** What the build calls itself, and its images. */
    private String version() throws Exception {
        String first = AbmeshCommand.run(directory, "--version").requireExit(0).output().get(0);
        return first.substring("abmesh ".length());
    }

    @Test
    void theMonitorReadsAPortThatServicesHave() throws Exception {
        Map<String, ObjectNode> objects = Manifests.kustomize("production");
        String port = objects.get(MONITOR).at("/spec/endpoints/0/port").asText();
        assertThat(
                        objects.get("Service/abmesh-coordinator")
                                .at("/spec/ports")
                                .findValuesAsText("name"))
                .contains(port);
    }

    @Test
    void theCoordinatorReachesAnApiServerAtThePortsThatDistributionsGiveIt() throws Exception {
        JsonNode egress =
                Manifests.kustomize("laptop")
                        .get("NetworkPolicy/abmesh-coordinator")
                        .at("/spec/egress");
        List<List<String>> anywhere = new ArrayList<>();
        for (JsonNode rule : egress) {
            if (rule.path("to").isMissingNode()) {
                anywhere.add(rule.path("ports").findValuesAsText("port"));
            }
        }
        assertThat(anywhere).contains(List.of("443", "6443", "8443"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"laptop", "production"})
    void theCoordinatorsDirectMemoryHasABoundOfItsOwn(String overlay) throws Exception {
        JsonNode container =
                Manifests.kustomize(overlay)
                        .get("StatefulSet/abmesh-coordinator")
                        .at("/spec/template/spec/containers/0");
        assertThat(container.path("env"))
                .filteredOn(v -> v.path("name").asText().equals("JDK_JAVA_OPTIONS"))
                .extracting(v -> v.path("value").asText())
                .containsExactly("-XX:MaxDirectMemorySize=256m");
    }

    @ParameterizedTest
    @ValueSource(strings = {"laptop", "production"})
    void thePodsAreRestrictedAndNothingReachesBeyondTheNamespace(String overlay) throws Exception {
        Map<String, ObjectNode> objects = Manifests.kustomize(overlay);
        assertThat(objects.keySet()).noneMatch(name -> name.startsWith("ClusterRole"));
        assertThat(objects.get("Namespace/abmesh").at("/metadata/labels").toString())
                .contains("\"pod-security.kubernetes.io/enforce\":\"restricted\"");
        assertThat(Manifests.pods(objects)).isNotEmpty();
        for (JsonNode pod : Manifests.pods(objects)) {
            assertThat(pod.at("/securityContext/runAsNonRoot").asBoolean()).isTrue();
            assertThat(pod.at("/securityContext/seccompProfile/type").asText())
                    .isEqualTo("RuntimeDefault");
            for (JsonNode container : pod.path("containers")) {
                JsonNode context = container.path("securityContext");
                assertThat(context.path("allowPrivilegeEscalation").asBoolean(true)).isFalse();
                assertThat(context.path("readOnlyRootFilesystem").asBoolean()).isTrue();
                assertThat(context.at("/capabilities/drop/0").asText()).isEqualTo("ALL");
                assertThat(container.at("/readinessProbe/httpGet/path").asText())
                        .isEqualTo("/q/health/ready");
                assertThat(container.at("/resources/limits/memory").isMissingNode()).isFalse();
            }
        }
    }

    @Test
    void theApiServerAcceptsEveryObjectOfAKindThatItKnows() throws Exception {
        try (ApiServer server = server();
                KubernetesClient client = server.client()) {
            Map<String, ObjectNode> objects = Manifests.kustomize("production");
            objects.keySet().removeAll(FOREIGN);
            client.resource(objects.remove("Namespace/abmesh").toString()).create();
            for (ObjectNode object : objects.values()) {
                client.resource(object.toString()).create();
            }
            client.resources(StatefulSet.class)
                    .inNamespace("abmesh")
                    .withName("abmesh-coordinator")
                    .require();
        }
    }

    @Test
    void itIsInstalledUpgradedAndRemovedAsThePageSays() throws Exception {
        try (ApiServer server = server();
                KubernetesClient client = server.client()) {
            TestingKubelet kubelet =
                    new TestingKubelet(
                            client, "abmesh", TestingKubelet.Containers.NONE, Clock.systemUTC());
            try {
                installUpgradeAndRemove(new Kubectl(server.kubeconfig(), AbmeshCommand.root()));
            } finally {
                kubelet.close();
            }
            assertThat(client.namespaces().withName("abmesh").get()).isNull();
        }
    }

    private static void installUpgradeAndRemove(Kubectl kubectl) throws Exception {
        kubectl.run("apply", "-k", "deploy/kubernetes/overlays/laptop");
        kubectl.run("config", "set-context", "--current", "--namespace=abmesh");
        kubectl.run("rollout", "status", "statefulset/abmesh-coordinator");
        kubectl.run("apply", "-f", "deploy/kubernetes/examples/gpu.yaml");
        assertThat(kubectl.await("explain", "drun.spec"))
                .contains("students", "teachers", "plan", "suspend");
        kubectl.run("scale", "drun", "cifar10-gpu", "--replicas=3");
        assertThat(kubectl.run("get", "drun", "cifar10-gpu", "-o", "yaml")).contains("students: 3");
        kubectl.run(
                "get",
                "nodes",
                "-o",
                "custom-columns=NAME:.metadata.name,GPUS:.status.allocatable.nvidia\\.com/gpu");

        kubectl.run("apply", "-f", "deploy/kubernetes/crd/distillationruns.abmesh.io.yaml");
        String before = generation(kubectl);
        kubectl.run("apply", "-k", "deploy/kubernetes/overlays/laptop");
        assertThat(generation(kubectl)).as("the same is no reason to begin anew").isEqualTo(before);
        kubectl.run("rollout", "status", "statefulset/abmesh-coordinator");
        assertThat(kubectl.run("get", "drun", "cifar10-gpu")).contains("cifar10-gpu");

        kubectl.run("delete", "drun", "--all");
        kubectl.run("delete", "-k", "deploy/kubernetes/overlays/laptop");
    }

    private static String generation(Kubectl kubectl) throws Exception {
        return kubectl.run(
                "get",
                "statefulset",
                "abmesh-coordinator",
                "-o",
                "jsonpath={.metadata.generation}");
    }

    private ApiServer server() throws IOException {
        Optional<Binaries> binaries = Binaries.find();
        assumeTrue(binaries.isPresent(), Binaries.missing());
        return ApiServer.start(
                binaries.get(), Files.createDirectories(directory.resolve("server")));
    }
}
