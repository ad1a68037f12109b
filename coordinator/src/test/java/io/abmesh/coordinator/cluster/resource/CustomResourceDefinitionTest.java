package io.abmesh.coordinator.cluster.resource;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.abmesh.coordinator.plan.CompletePlan;
import io.abmesh.coordinator.plan.PlanReader;
import io.abmesh.proto.error.MeshException;
import io.fabric8.crd.generator.annotation.AdditionalPrinterColumn;
import io.fabric8.crdv2.generator.CRDGenerator;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The definition under {@code deploy/} is the one that the Java types and the plan's message give.
 * {@code -Dabmesh.write-generated=true} writes it anew.
 */
final class CustomResourceDefinitionTest {
    private static final Path ROOT = Path.of(System.getProperty("abmesh.root"));
    private static final Path COMMITTED =
            ROOT.resolve("deploy/kubernetes/crd/distillationruns.abmesh.io.yaml");
    private static final String HEADER =
            "# Generated from io.abmesh.coordinator.cluster.resource and abmesh.v1.Plan; a test compares.\n";

    @TempDir Path directory;

    @Test
    void theCommittedDefinitionIsTheGeneratedOne() throws IOException {
        String generated = HEADER + Serialization.asYaml(definition());
        if (Boolean.getBoolean("abmesh.write-generated")) {
            Files.createDirectories(COMMITTED.getParent());
            Files.writeString(COMMITTED, generated);
        }
        assertThat(Files.readString(COMMITTED))
                .as("run the test with -Dabmesh.write-generated=true")
                .isEqualTo(generated);
    }

    @Test
    void everyFieldOfSpecAndStatusIsDescribed() throws IOException {
        JsonNode schema = schema(definition());
        assertThat(undescribed(schema.path("properties").path("spec"), "spec")).isEmpty();
        assertThat(undescribed(schema.path("properties").path("status"), "status"))
                .allMatch(path -> path.startsWith("status.conditions."));
    }

    @Test
    void studentsScale() throws IOException {
        JsonNode scale = definition().at("/spec/versions/0/subresources/scale");
        assertThat(scale.path("specReplicasPath").asText()).isEqualTo(".spec.students");
        assertThat(scale.path("statusReplicasPath").asText()).isEqualTo(".status.workers.students");
        assertThat(scale.path("labelSelectorPath").asText()).isEqualTo(".status.selector");
    }

    @ParameterizedTest
    @ValueSource(strings = {"quickstart", "gpu"})
    void thePlanOfAnExampleIsGood(String example) throws IOException {
        JsonNode run =
                Serialization.unmarshal(
                        Files.readString(
                                ROOT.resolve("deploy/kubernetes/examples/" + example + ".yaml")),
                        JsonNode.class);
        CompletePlan plan = PlanReader.read(run.at("/spec/plan").toString(), List.of());
        assertThat(plan.warnings()).isEmpty();
    }

    @Test
    void theQuickstartIsThatOfALaptop() throws IOException {
        JsonNode run =
                Serialization.unmarshal(
                        Files.readString(
                                ROOT.resolve("deploy/kubernetes/examples/quickstart.yaml")),
                        JsonNode.class);
        assertThat(PlanReader.read(run.at("/spec/plan").toString(), List.of()).sha256())
                .isEqualTo(
                        PlanReader.read(
                                        Files.readString(
                                                ROOT.resolve("deploy/plans/quickstart.yaml")),
                                        List.of())
                                .sha256());
    }

    @ParameterizedTest(name = "{0}={1}")
    @MethodSource("edges")
    void theSchemasBoundsAreThePlanReaders(String path, double value, boolean allowed) {
        List<String> found = problems(path + "=" + number(value));
        assertThat(found.stream().anyMatch(p -> p.equals(path))).isEqualTo(!allowed);
    }

    static Stream<Arguments> edges() {
        Map<String, String> paths =
                Map.of(
                        "Plan", "",
                        "SplitPlan", "data.train.",
                        "AugmentationPlan", "data.augmentation.",
                        "PhasePlan", "phases[0].",
                        "LossPlan", "phases[0].losses[0].",
                        "OptimizerPlan", "phases[0].optimizer.",
                        "UntilPlan", "phases[0].until.");
        return PlanSchema.BOUNDS.entrySet().stream()
                .flatMap(
                        entry -> {
                            String message =
                                    entry.getKey().substring(0, entry.getKey().indexOf('.'));
                            String key = camel(entry.getKey().substring(message.length() + 1));
                            String path = paths.get(message) + key;
                            PlanSchema.Bounds bounds = entry.getValue();
                            Stream<Arguments> low =
                                    Stream.of(
                                            Arguments.of(path, bounds.min(), !bounds.open()),
                                            Arguments.of(path, bounds.min() - 1, false));
                            return Double.isFinite(bounds.max())
                                    ? Stream.concat(
                                            low,
                                            Stream.of(
                                                    Arguments.of(
                                                            path, bounds.max(), !bounds.openMax()),
                                                    Arguments.of(path, bounds.max() + 1, false)))
                                    : low;
                        });
    }

    private static String camel(String snake) {
        StringBuilder name = new StringBuilder();
        for (String word : snake.split("_")) {
            name.append(
                    name.isEmpty()
                            ? word
                            : Character.toUpperCase(word.charAt(0)) + word.substring(1));
        }
        return name.toString();
    }

    private static String number(double value) {
        return value == Math.rint(value) ? Long.toString((long) value) : Double.toString(value);
    }

    private static List<String> problems(String override) {
        String plan =
                """
                name: edges
                data: {location: builtin:fashion-mnist}
                teacher: {model: teacher.onnx}
                student: {network: wrn-10-1}
                phases:
                  - name: one
                    epochs: 1
                    losses: [{kind: boundary}]
                """;
        try {
            PlanReader.read(plan, List.of(override));
            return List.of();
        } catch (MeshException e) {
            return e.fieldViolations().stream().map(v -> v.field()).toList();
        }
    }

    private ObjectNode definition() throws IOException {
        new CRDGenerator()
                .customResourceClasses(DistillationRun.class)
                .inOutputDir(directory.toFile())
                .generate();
        ObjectNode definition =
                Serialization.unmarshal(
                        Files.readString(directory.resolve("distillationruns.abmesh.io-v1.yml")),
                        ObjectNode.class);
        ObjectNode spec = (ObjectNode) schema(definition).at("/properties/spec/properties");
        String description = spec.path("plan").path("description").asText();
        spec.set(
                "plan",
                new PlanSchema(
                                ProtoComments.read(
                                        ROOT.resolve("proto/src/main/proto/abmesh/v1"),
                                        "plan.proto",
                                        "teacher.proto"))
                        .schema(description));
        schema(definition).withArray("required").add("spec");
        inTheOrderOfTheAnnotations(
                (ArrayNode) definition.at("/spec/versions/0/additionalPrinterColumns"));
        return definition;
    }

    /** The generator sorts columns by their paths; a person reads them as they were thought of. */
    private static void inTheOrderOfTheAnnotations(ArrayNode columns) {
        Map<String, JsonNode> byName = new HashMap<>();
        columns.forEach(column -> byName.put(column.path("name").asText(), column));
        columns.removeAll();
        for (AdditionalPrinterColumn column :
                DistillationRun.class.getAnnotationsByType(AdditionalPrinterColumn.class)) {
            columns.add(byName.get(column.name()));
        }
    }

    private static ObjectNode schema(JsonNode definition) {
        return (ObjectNode) definition.at("/spec/versions/0/schema/openAPIV3Schema");
    }

    private static List<String> undescribed(JsonNode schema, String path) {
        Stream<String> own =
                schema.path("description").asText().isEmpty() && path.contains(".")
                        ? Stream.of(path)
                        : Stream.of();
        Stream<String> nested =
                schema.path("properties").properties().stream()
                        .flatMap(
                                property ->
                                        undescribed(
                                                property.getValue(), path + "." + property.getKey())
                                                .stream());
        Stream<String> items =
                schema.path("items").path("properties").properties().stream()
                        .flatMap(
                                property ->
                                        undescribed(
                                                property.getValue(), path + "." + property.getKey())
                                                .stream());
        return Stream.of(own, nested, items).flatMap(s -> s).toList();
    }
}
