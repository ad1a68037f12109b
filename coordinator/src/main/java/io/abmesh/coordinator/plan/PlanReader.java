package io.abmesh.coordinator.plan;

import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.EnumValueDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor.JavaType;
import com.google.protobuf.Message;
import io.abmesh.proto.v1.Plan;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.nodes.Tag;

/**
 * Reads a plan along the descriptor of {@link Plan}: keys are its fields in lowerCamelCase, enum
 * values the constants without their prefix in lowerCamelCase. Three short forms: a list of one may
 * be written without brackets ({@code taps: auto}), a message with a {@code kind} as that kind
 * alone ({@code schedule: steps}), and {@code scale: auto} for {@code scaleAuto: true}, as with any
 * number that has such a field beside it.
 *
 * <p>All problems are found before any is told.
 */
public final class PlanReader {
    private final List<PlanProblem> problems;
    private final Map<String, PlanSource.Place> places = new HashMap<>();

    private PlanReader(List<PlanProblem> problems) {
        this.problems = problems;
    }

    /**
     * Reads, completes and checks a plan.
     *
     * @param yaml the user's text
     * @param overrides {@code KEY=VALUE}, applied in order
     * @throws io.abmesh.proto.error.MeshException with {@code INVALID_PLAN} and every problem
     */
    public static CompletePlan read(String yaml, List<String> overrides) {
        List<PlanProblem> problems = new ArrayList<>();
        Optional<MappingNode> root = YamlTree.parse(yaml, problems);
        root.ifPresent(
                tree -> overrides.forEach(override -> YamlTree.set(tree, override, problems)));
        if (root.isEmpty()) {
            throw PlanProblem.exception(problems);
        }
        CompletePlan plan = complete(root.get(), problems);
        if (!problems.isEmpty()) {
            throw PlanProblem.exception(problems);
        }
        return plan;
    }

    /** Reads, completes and checks the plan in {@code root}; what is wrong with it is added. */
    static CompletePlan complete(MappingNode root, List<PlanProblem> problems) {
        Plan.Builder plan = Plan.newBuilder();
        PlanSource source = walk(root, plan, problems);
        PlanDefaults.fill(plan, source);
        Plan complete = plan.build();
        PlanValidator validator = new PlanValidator(complete, source, problems);
        return new CompletePlan(complete, source, validator.validate());
    }

    /** Reads a tree along the descriptor of {@code target}; what is wrong with it is added. */
    static PlanSource walk(MappingNode root, Message.Builder target, List<PlanProblem> problems) {
        PlanReader reader = new PlanReader(problems);
        reader.message(root, target, "");
        return new PlanSource(reader.places);
    }

    private void message(MappingNode mapping, Message.Builder target, String path) {
        Descriptor type = target.getDescriptorForType();
        Set<String> seen = new HashSet<>();
        for (NodeTuple tuple : mapping.getValue()) {
            Node keyNode = tuple.getKeyNode();
            String key =
                    keyNode instanceof ScalarNode scalar
                            ? scalar.getValue()
                            : YamlTree.kind(keyNode);
            String at = path.isEmpty() ? key : path + "." + key;
            FieldDescriptor field = field(type, key);
            if (field == null) {
                List<String> known =
                        type.getFields().stream().map(FieldDescriptor::getJsonName).toList();
                problem(
                        keyNode,
                        at,
                        "unknown key: found=" + key + ", near=" + NearNames.of(key, known));
            } else if (!seen.add(key)) {
                problem(keyNode, at, "key is given twice: found=" + key);
            } else {
                value(tuple.getValueNode(), field, target, at);
            }
        }
    }

    private void value(Node node, FieldDescriptor field, Message.Builder target, String at) {
        places.put(at, YamlTree.place(node));
        FieldDescriptor auto = field(field.getContainingType(), field.getJsonName() + "Auto");
        if (auto != null && node instanceof ScalarNode scalar && scalar.getValue().equals("auto")) {
            places.put(at + "Auto", YamlTree.place(node));
            target.setField(auto, true);
            return;
        }
        if (!field.isRepeated()) {
            Object single = single(node, field, target, at);
            if (single != null) {
                target.setField(field, single);
            }
            return;
        }
        List<Node> elements =
                node instanceof SequenceNode sequence ? sequence.getValue() : List.of(node);
        for (int i = 0; i < elements.size(); i++) {
            String element = at + "[" + i + "]";
            places.put(element, YamlTree.place(elements.get(i)));
            Object single = single(elements.get(i), field, target, element);
            if (single != null) {
                target.addRepeatedField(field, single);
            }
        }
    }

    private @Nullable Object single(
            Node node, FieldDescriptor field, Message.Builder parent, String at) {
        if (field.getJavaType() == JavaType.MESSAGE) {
            return nested(node, parent.newBuilderForField(field), at);
        }
        if (!(node instanceof ScalarNode scalar) || scalar.getTag().equals(Tag.NULL)) {
            problem(
                    node,
                    at,
                    "wrong type: found=" + YamlTree.kind(node) + ", expected=" + typeName(field));
            return null;
        }
        String text = scalar.getValue();
        try {
            return switch (field.getJavaType()) {
                case STRING -> text;
                case INT -> Integer.parseInt(text);
                case LONG -> Long.parseLong(text);
                case FLOAT -> Float.parseFloat(text);
                case DOUBLE -> Double.parseDouble(text);
                case BOOLEAN -> truth(text);
                case ENUM -> constant(scalar, field, at);
                case BYTE_STRING, MESSAGE ->
                        throw new IllegalStateException("no YAML form for " + field.getFullName());
            };
        } catch (NumberFormatException e) {
            problem(node, at, "wrong type: found=" + text + ", expected=" + typeName(field));
            return null;
        }
    }

    private @Nullable Object nested(Node node, Message.Builder child, String at) {
        if (node instanceof MappingNode mapping) {
            message(mapping, child, at);
            return child.build();
        }
        FieldDescriptor kind = field(child.getDescriptorForType(), "kind");
        if (kind != null && node instanceof ScalarNode) {
            value(node, kind, child, at + ".kind");
            return child.build();
        }
        problem(
                node,
                at,
                "wrong type: found="
                        + YamlTree.kind(node)
                        + ", expected=a mapping of "
                        + keys(child.getDescriptorForType()));
        return null;
    }

    private static boolean truth(String text) {
        return switch (text) {
            case "true" -> true;
            case "false" -> false;
            default -> throw new NumberFormatException(text);
        };
    }

    private @Nullable EnumValueDescriptor constant(
            ScalarNode node, FieldDescriptor field, String at) {
        List<String> names = new ArrayList<>();
        for (EnumValueDescriptor candidate : field.getEnumType().getValues()) {
            if (candidate.getNumber() == 0) {
                continue;
            }
            String name = PlanNames.yamlName(candidate);
            if (name.equals(node.getValue())) {
                return candidate;
            }
            names.add(name);
        }
        problem(node, at, "unknown value: found=" + node.getValue() + ", expected one of=" + names);
        return null;
    }

    private static @Nullable FieldDescriptor field(Descriptor type, String key) {
        return type.getFields().stream()
                .filter(f -> f.getJsonName().equals(key))
                .findFirst()
                .orElse(null);
    }

    private static List<String> keys(Descriptor type) {
        return type.getFields().stream().map(FieldDescriptor::getJsonName).toList();
    }

    private static String typeName(FieldDescriptor field) {
        return switch (field.getJavaType()) {
            case INT -> "a whole number up to " + Integer.MAX_VALUE;
            case LONG -> "a whole number";
            case FLOAT, DOUBLE -> "a number";
            case BOOLEAN -> "true or false";
            case ENUM -> "one of " + PlanNames.yamlNames(field.getEnumType());
            case STRING, BYTE_STRING, MESSAGE -> "text";
        };
    }

    private void problem(Node node, String path, String message) {
        PlanSource.Place place = YamlTree.place(node);
        problems.add(new PlanProblem(path, place.line(), place.column(), message));
    }
}
