package io.abmesh.coordinator.plan;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.common.FlowStyle;
import org.snakeyaml.engine.v2.common.ScalarStyle;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.nodes.Tag;

/** YAML as nodes that know their place; {@code KEY=VALUE} can be set into it. */
final class YamlTree {
    /** Longest plan in characters. */
    private static final int MAX_LENGTH = 256 * 1024;

    private static final int MAX_DEPTH = 16;
    private static final int MAX_INDEX = 999;
    private static final Pattern STEP =
            Pattern.compile("([A-Za-z][A-Za-z0-9]*)((?:\\[\\d{1,3}])*)");
    private static final Pattern INDEX = Pattern.compile("\\[(\\d+)]");

    private YamlTree() {}

    /**
     * Parses a plan.
     *
     * @return the root, or nothing if problems were added
     */
    static Optional<MappingNode> parse(String yaml, List<PlanProblem> problems) {
        if (yaml.length() > MAX_LENGTH) {
            problems.add(
                    new PlanProblem(
                            "",
                            1,
                            1,
                            "plan is too long: found="
                                    + yaml.length()
                                    + " characters, max="
                                    + MAX_LENGTH));
            return Optional.empty();
        }
        try {
            Optional<Node> root = new Compose(settings()).composeString(yaml);
            if (root.isPresent() && root.get() instanceof MappingNode mapping) {
                return Optional.of(mapping);
            }
            problems.add(
                    new PlanProblem(
                            "",
                            1,
                            1,
                            "plan is not a mapping: found="
                                    + root.map(YamlTree::kind).orElse("nothing")
                                    + ", expected=keys and values"));
        } catch (MarkedYamlEngineException e) {
            int line = e.getProblemMark().map(m -> m.getLine() + 1).orElse(1);
            int column = e.getProblemMark().map(m -> m.getColumn() + 1).orElse(1);
            problems.add(new PlanProblem("", line, column, "not YAML: " + e.getProblem()));
        } catch (YamlEngineException e) {
            problems.add(
                    new PlanProblem(
                            "",
                            1,
                            1,
                            "not YAML: "
                                    + String.valueOf(e.getMessage())
                                            .lines()
                                            .findFirst()
                                            .orElse("")));
        }
        return Optional.empty();
    }

    private static LoadSettings settings() {
        return LoadSettings.builder()
                .setLabel("plan")
                .setUseMarks(true)
                .setMaxAliasesForCollections(0)
                .setAllowDuplicateKeys(true)
                .build();
    }

    /** Sets {@code KEY=VALUE} into the tree; the value is YAML. */
    static void set(MappingNode root, String override, List<PlanProblem> problems) {
        int equals = override.indexOf('=');
        if (equals < 1) {
            problems.add(override("", "found=" + override + ", expected=KEY=VALUE"));
            return;
        }
        String key = override.substring(0, equals);
        List<Node> value = new ArrayList<>();
        try {
            new Compose(settings())
                    .composeString(override.substring(equals + 1))
                    .ifPresent(value::add);
        } catch (YamlEngineException e) {
            problems.add(
                    override(key, "value is not YAML: found=" + override.substring(equals + 1)));
            return;
        }
        Node leaf = value.isEmpty() ? scalar("") : withoutPlace(value.get(0));
        List<String> steps = new ArrayList<>();
        for (String part : key.split("\\.", -1)) {
            Matcher matcher = STEP.matcher(part);
            if (!matcher.matches()) {
                problems.add(
                        override(
                                key,
                                "not a key: found="
                                        + key
                                        + ", expected for example=phases[0].epochs"));
                return;
            }
            steps.add(matcher.group(1));
            Matcher index = INDEX.matcher(matcher.group(2));
            while (index.find()) {
                steps.add(index.group(1));
            }
        }
        if (steps.size() > MAX_DEPTH || !put(root, steps, leaf)) {
            problems.add(
                    override(key, "leads nowhere: found=" + key + ", expected=a key of the plan"));
        }
    }

    private static boolean put(Node node, List<String> steps, Node leaf) {
        String step = steps.get(0);
        List<String> rest = steps.subList(1, steps.size());
        if (node instanceof MappingNode mapping && !Character.isDigit(step.charAt(0))) {
            List<NodeTuple> tuples = mapping.getValue();
            for (int i = 0; i < tuples.size(); i++) {
                if (tuples.get(i).getKeyNode() instanceof ScalarNode key
                        && key.getValue().equals(step)) {
                    if (rest.isEmpty()) {
                        tuples.set(i, new NodeTuple(scalar(step), leaf));
                        return true;
                    }
                    return put(tuples.get(i).getValueNode(), rest, leaf);
                }
            }
            if (!rest.isEmpty() && Character.isDigit(rest.get(0).charAt(0))) {
                return false;
            }
            Node child = rest.isEmpty() ? leaf : mapping();
            tuples.add(new NodeTuple(scalar(step), child));
            return rest.isEmpty() || put(child, rest, leaf);
        }
        if (node instanceof SequenceNode sequence && Character.isDigit(step.charAt(0))) {
            int index = Integer.parseInt(step);
            if (index > MAX_INDEX || index >= sequence.getValue().size()) {
                return false;
            }
            if (rest.isEmpty()) {
                sequence.getValue().set(index, leaf);
                return true;
            }
            return put(sequence.getValue().get(index), rest, leaf);
        }
        return false;
    }

    private static Node withoutPlace(Node node) {
        if (node instanceof ScalarNode scalar) {
            return new ScalarNode(scalar.getTag(), scalar.getValue(), scalar.getScalarStyle());
        }
        if (node instanceof SequenceNode sequence) {
            List<Node> values = new ArrayList<>();
            sequence.getValue().forEach(v -> values.add(withoutPlace(v)));
            return new SequenceNode(Tag.SEQ, values, FlowStyle.FLOW);
        }
        if (node instanceof MappingNode mapping) {
            List<NodeTuple> tuples = new ArrayList<>();
            mapping.getValue()
                    .forEach(
                            t ->
                                    tuples.add(
                                            new NodeTuple(
                                                    withoutPlace(t.getKeyNode()),
                                                    withoutPlace(t.getValueNode()))));
            return new MappingNode(Tag.MAP, tuples, FlowStyle.FLOW);
        }
        return node;
    }

    /** Returns the value of a key. */
    static Optional<Node> get(MappingNode mapping, String key) {
        return mapping.getValue().stream()
                .filter(tuple -> isKey(tuple, key))
                .map(NodeTuple::getValueNode)
                .findFirst();
    }

    /**
     * Returns {@code base} changed by {@code change}: where both have a mapping under a key, the
     * two are merged; anything else takes the place of what was there. Neither is changed.
     */
    static MappingNode merged(MappingNode base, MappingNode change) {
        MappingNode merged = base;
        for (NodeTuple tuple : change.getValue()) {
            String key = kind(tuple.getKeyNode());
            Node value = tuple.getValueNode();
            Optional<Node> before = get(base, key);
            if (value instanceof MappingNode inner
                    && before.isPresent()
                    && before.get() instanceof MappingNode outer) {
                value = merged(outer, inner);
            }
            merged = with(merged, new NodeTuple(tuple.getKeyNode(), value));
        }
        return merged;
    }

    /** Returns the mapping with another value under a key. */
    static MappingNode with(MappingNode mapping, String key, Node value) {
        return with(mapping, new NodeTuple(scalar(key), value));
    }

    private static MappingNode with(MappingNode mapping, NodeTuple tuple) {
        MappingNode with = without(mapping, kind(tuple.getKeyNode()));
        with.getValue().add(tuple);
        return with;
    }

    /** Returns the mapping without a key. */
    static MappingNode without(MappingNode mapping, String key) {
        List<NodeTuple> rest = new ArrayList<>(mapping.getValue());
        rest.removeIf(tuple -> isKey(tuple, key));
        return new MappingNode(
                Tag.MAP, true, rest, FlowStyle.BLOCK, mapping.getStartMark(), mapping.getEndMark());
    }

    /** Returns a mapping of one key. */
    static MappingNode mapping(String key, Node value) {
        return with(mapping(), key, value);
    }

    /** Returns a value that stands nowhere. */
    static Node text(String value) {
        return scalar(value);
    }

    private static boolean isKey(NodeTuple tuple, String key) {
        return tuple.getKeyNode() instanceof ScalarNode scalar && scalar.getValue().equals(key);
    }

    private static ScalarNode scalar(String value) {
        return new ScalarNode(Tag.STR, value, ScalarStyle.PLAIN);
    }

    private static MappingNode mapping() {
        return new MappingNode(Tag.MAP, new ArrayList<>(), FlowStyle.BLOCK);
    }

    private static PlanProblem override(String path, String message) {
        return new PlanProblem(path, 0, 0, message);
    }

    /** Returns where a node stands. */
    static PlanSource.Place place(Node node) {
        return node.getStartMark()
                .map(mark -> new PlanSource.Place(mark.getLine() + 1, mark.getColumn() + 1))
                .orElse(PlanSource.Place.OVERRIDE);
    }

    /** Returns what a node is, for messages. */
    static String kind(Node node) {
        if (node instanceof ScalarNode scalar) {
            return scalar.getValue();
        }
        return node instanceof SequenceNode ? "a list" : "a mapping";
    }
}
