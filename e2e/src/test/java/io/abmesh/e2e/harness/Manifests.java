package io.abmesh.e2e.harness;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.introspect.Annotated;
import com.fasterxml.jackson.databind.introspect.JacksonAnnotationIntrospector;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.marcnuri.helm.Helm;
import com.marcnuri.helm.TemplateCommand;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;

/** What {@code deploy/} renders, by {@code kind/name}, and what is asked of each object. */
public final class Manifests {
    private static final Set<String> CLUSTER_SCOPED =
            Set.of("Namespace", "CustomResourceDefinition", "PriorityClass");
    private static final Path DEPLOY = AbmeshCommand.root().resolve("deploy");
    private static final String NAMESPACE = "abmesh";
    private static final KubernetesSerialization YAML = new KubernetesSerialization();

    private Manifests() {}

    /** Renders an overlay; the test is skipped where there is no kubectl and none is required. */
    public static Map<String, ObjectNode> kustomize(String overlay)
            throws IOException, InterruptedException {
        return rendered(overlay(overlay));
    }

    /** Renders the overlay in a folder. */
    public static Map<String, ObjectNode> kustomize(Path folder)
            throws IOException, InterruptedException {
        return rendered(folder);
    }

    /**
     * Renders an overlay with a component, as a user's own overlay has it.
     *
     * @param folder empty; gets that overlay
     */
    public static Map<String, ObjectNode> kustomize(String overlay, String component, Path folder)
            throws IOException, InterruptedException {
        Path real = folder.toRealPath();
        Files.writeString(
                real.resolve("kustomization.yaml"),
                """
                apiVersion: kustomize.config.k8s.io/v1beta1
                kind: Kustomization
                namespace: %s
                resources: ["%s"]
                components: ["%s"]
                """
                        .formatted(
                                NAMESPACE,
                                real.relativize(overlay(overlay).toRealPath()),
                                real.relativize(
                                        DEPLOY.resolve("kubernetes/components")
                                                .resolve(component)
                                                .toRealPath())));
        return rendered(real);
    }

    private static Path overlay(String name) {
        return DEPLOY.resolve("kubernetes/overlays").resolve(name);
    }

    private static Map<String, ObjectNode> rendered(Path folder)
            throws IOException, InterruptedException {
        assumeTrue(
                Boolean.getBoolean("abmesh.require-shared") || hasKubectl(),
                "no kubectl here, which renders overlays");
        Process process =
                new ProcessBuilder("kubectl", "kustomize", folder.toString())
                        .redirectErrorStream(true)
                        .start();
        String output = new String(process.getInputStream().readAllBytes(), UTF_8);
        assertThat(process.waitFor()).as(output).isZero();
        return objects(output);
    }

    private static boolean hasKubectl() {
        return Stream.of(System.getenv("PATH").split(File.pathSeparator))
                .anyMatch(folder -> Files.isExecutable(Path.of(folder, "kubectl")));
    }

    /**
     * Renders the chart with the values that stand for an overlay.
     *
     * @param switches values that are set to true
     */
    public static Map<String, ObjectNode> helm(String overlay, String... switches) {
        Path chart = DEPLOY.resolve("helm/abmesh");
        TemplateCommand template =
                new Helm(chart)
                        .template()
                        .withName("abmesh")
                        .withNamespace(NAMESPACE)
                        .withValuesFile(chart.resolve("values-" + overlay + ".yaml"));
        for (String name : switches) {
            template.set(name, true);
        }
        return objects(template.call());
    }

    private static Map<String, ObjectNode> objects(String yaml) {
        Map<String, ObjectNode> objects = new TreeMap<>();
        for (String document : yaml.split("(?m)^---\\s*$")) {
            boolean empty = document.lines().allMatch(l -> l.isBlank() || l.startsWith("#"));
            if (empty) {
                continue;
            }
            ObjectNode object = YAML.unmarshal(document, ObjectNode.class);
            String kind = object.path("kind").asText();
            ObjectNode metadata = (ObjectNode) object.path("metadata");
            // Helm leaves to the installation what Kustomize writes down.
            if (!CLUSTER_SCOPED.contains(kind)) {
                metadata.put("namespace", NAMESPACE);
            }
            objects.put(kind + "/" + metadata.path("name").asText(), object);
        }
        return objects;
    }

    /**
     * Parses an object into the type of its kind; a field that the type does not have fails.
     *
     * @throws IOException if it has one
     */
    public static void parseStrictly(ObjectNode object) throws IOException {
        HasMetadata typed = YAML.unmarshal(object.toString(), HasMetadata.class);
        assertThat(typed)
                .as("a type for " + object.path("kind"))
                .isNotInstanceOf(GenericKubernetesResource.class);
        STRICT.readerFor(typed.getClass()).readValue(object);
    }

    private static final ObjectMapper STRICT =
            new ObjectMapper()
                    .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
                    .setAnnotationIntrospector(
                            new JacksonAnnotationIntrospector() {
                                @Override
                                public Boolean hasAnySetter(Annotated member) {
                                    return false; // where the models keep what they do not know
                                }
                            });

    /** Returns the pod specs of all workloads. */
    public static List<JsonNode> pods(Map<String, ObjectNode> objects) {
        return objects.values().stream()
                .map(object -> object.at("/spec/template/spec"))
                .filter(JsonNode::isObject)
                .toList();
    }
}
