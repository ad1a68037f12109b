package io.abmesh.nn.network;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * An immutable network: nodes in topological order, one {@link Node.Input} first, with named taps
 * and, in a classifier, a node that yields the logits. A tap is a node whose output enters an
 * activation: a pre-activation.
 */
public final class NetworkSpec {
    private final String name;
    private final Map<String, Node> nodes;
    private final Map<String, FeatureShape> shapes;
    private final List<String> taps;
    private final String logits;

    /**
     * Checks and keeps a network.
     *
     * @param name for people, for example {@code wrn-10-1}
     * @param nodes in topological order
     * @param taps names of nodes, from the first to the last
     * @param logits name of the node that yields the logits
     * @throws NetworkException if a name is used twice or read before it is there, or shapes do not
     *     fit
     */
    public NetworkSpec(String name, List<? extends Node> nodes, List<String> taps, String logits) {
        this.name = name;
        this.taps = List.copyOf(taps);
        this.logits = logits;
        Map<String, Node> byName = new LinkedHashMap<>();
        Map<String, FeatureShape> shapeOf = new LinkedHashMap<>();
        for (Node node : nodes) {
            for (String input : node.inputs()) {
                if (!byName.containsKey(input)) {
                    throw new NetworkException(
                            "node "
                                    + node.name()
                                    + " reads a node that is not before it: found="
                                    + input);
                }
            }
            if (byName.put(node.name(), node) != null) {
                throw new NetworkException("node name is used twice: found=" + node.name());
            }
            shapeOf.put(node.name(), shape(node, shapeOf));
        }
        this.nodes = Collections.unmodifiableMap(byName);
        this.shapes = Collections.unmodifiableMap(shapeOf);
        for (String required : taps) {
            node(required);
        }
        node(logits);
        if (nodes.isEmpty() || !(nodes.get(0) instanceof Node.Input)) {
            throw new NetworkException("network " + name + " does not start with its input");
        }
    }

    /** Returns the name, for people. */
    public String name() {
        return name;
    }

    /** Returns the nodes in topological order. */
    public List<Node> nodes() {
        return List.copyOf(nodes.values());
    }

    /** Returns the taps from the first to the last. */
    public List<String> taps() {
        return taps;
    }

    /** Returns the name of the node that yields the logits. */
    public String logits() {
        return logits;
    }

    /** Returns the shape of the image. */
    public FeatureShape inputShape() {
        return shape(nodes.values().iterator().next().name());
    }

    /** Returns the number of classes. */
    public int classCount() {
        return shape(logits).channels();
    }

    /**
     * Returns a node.
     *
     * @throws NetworkException if there is none of that name
     */
    public Node node(String nodeName) {
        Node node = nodes.get(nodeName);
        if (node == null) {
            throw new NetworkException(
                    "network "
                            + name
                            + " has no node of that name: found="
                            + nodeName
                            + ", taps="
                            + taps);
        }
        return node;
    }

    /** Returns the shape of one sample of a node's output. */
    public FeatureShape shape(String nodeName) {
        node(nodeName);
        return known(shapes, nodeName);
    }

    /** Returns the nodes that some outputs depend on, themselves among them, in the same order. */
    public List<Node> needed(Set<String> outputs) {
        Set<String> needed = new HashSet<>(outputs);
        List<Node> reversed = new ArrayList<>(nodes.values());
        Collections.reverse(reversed);
        for (Node node : reversed) {
            if (needed.contains(node.name())) {
                needed.addAll(node.inputs());
            }
        }
        return nodes.values().stream().filter(node -> needed.contains(node.name())).toList();
    }

    /** Returns every array of the network, trained or running, in the order of its nodes. */
    public List<ParameterSpec> parameters() {
        List<ParameterSpec> parameters = new ArrayList<>();
        for (Node node : nodes.values()) {
            parameters.addAll(parametersOf(node));
        }
        return parameters;
    }

    /** Returns the arrays of one node. */
    public List<ParameterSpec> parametersOf(Node node) {
        String own = node.name();
        if (node instanceof Node.Convolution convolution) {
            long in = shape(convolution.input()).channels() / convolution.groups();
            long kernel = convolution.kernel();
            return List.of(
                    new ParameterSpec(
                            own + ".weight",
                            List.of((long) convolution.outChannels(), in, kernel, kernel),
                            ParameterSpec.Kind.CONVOLUTION_WEIGHT));
        }
        if (node instanceof Node.BatchNorm norm) {
            List<Long> size = List.of((long) shape(norm.input()).channels());
            return List.of(
                    new ParameterSpec(own + ".weight", size, ParameterSpec.Kind.SCALE),
                    new ParameterSpec(own + ".bias", size, ParameterSpec.Kind.SHIFT),
                    new ParameterSpec(own + ".running_mean", size, ParameterSpec.Kind.RUNNING_MEAN),
                    new ParameterSpec(
                            own + ".running_var", size, ParameterSpec.Kind.RUNNING_VARIANCE));
        }
        if (node instanceof Node.Linear linear) {
            long in = shape(linear.input()).elements();
            long out = linear.outFeatures();
            return List.of(
                    new ParameterSpec(
                            own + ".weight", List.of(out, in), ParameterSpec.Kind.LINEAR_WEIGHT),
                    new ParameterSpec(own + ".bias", List.of(out), ParameterSpec.Kind.LINEAR_BIAS));
        }
        return List.of();
    }

    /** Returns the number of trained elements. */
    public long trainedElements() {
        return parameters().stream()
                .filter(p -> p.kind().trained())
                .mapToLong(ParameterSpec::elements)
                .sum();
    }

    /** Returns this network with {@code more} nodes behind its own; taps and logits stay. */
    public NetworkSpec with(List<? extends Node> more) {
        List<Node> all = new ArrayList<>(nodes.values());
        all.addAll(more);
        return new NetworkSpec(name, all, taps, logits);
    }

    private static FeatureShape shape(Node node, Map<String, FeatureShape> shapes) {
        if (node instanceof Node.Input input) {
            return input.shape();
        }
        FeatureShape in = known(shapes, node.inputs().get(0));
        if (node instanceof Node.Convolution convolution) {
            if (convolution.depthwise() && convolution.groups() != in.channels()) {
                throw new NetworkException(
                        "depthwise convolution "
                                + node.name()
                                + " does not fit: found="
                                + in
                                + ", channels="
                                + convolution.groups());
            }
            return new FeatureShape(
                    convolution.outChannels(),
                    convolved(in.rows(), convolution),
                    convolved(in.columns(), convolution));
        }
        if (node instanceof Node.Add add) {
            FeatureShape other = known(shapes, add.right());
            if (!in.equals(other)) {
                throw new NetworkException(
                        "sum " + node.name() + " of two shapes: left=" + in + ", right=" + other);
            }
            return in;
        }
        if (node instanceof Node.GlobalAveragePool) {
            return new FeatureShape(in.channels(), 1, 1);
        }
        if (node instanceof Node.Linear linear) {
            if (in.positions() != 1) {
                throw new NetworkException(
                        "linear "
                                + node.name()
                                + " reads a feature map: found="
                                + in
                                + ", expected=[D]");
            }
            return new FeatureShape(linear.outFeatures(), 1, 1);
        }
        return in;
    }

    private static FeatureShape known(Map<String, FeatureShape> shapes, String node) {
        FeatureShape shape = shapes.get(node);
        if (shape == null) {
            throw new NetworkException("no node of that name: found=" + node);
        }
        return shape;
    }

    private static int convolved(int size, Node.Convolution convolution) {
        return (size + 2 * convolution.padding() - convolution.kernel()) / convolution.stride() + 1;
    }
}
