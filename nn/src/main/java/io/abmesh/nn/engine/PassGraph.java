package io.abmesh.nn.engine;

import io.abmesh.nn.network.NetworkSpec;
import io.abmesh.nn.network.Node;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The part of a network that some outputs need, with its fusions: a batch norm and the first ReLU
 * behind it run as one, and what lies between them is kept only if somebody else reads it.
 */
final class PassGraph {
    private final Set<String> outputs;
    private final List<Node> nodes = new ArrayList<>();
    private final Map<String, Node.Relu> fused = new HashMap<>();

    PassGraph(NetworkSpec network, Set<String> outputs) {
        this.outputs = Set.copyOf(outputs);
        nodes.addAll(network.needed(outputs));
        for (Node node : nodes) {
            if (node instanceof Node.Relu relu
                    && network.node(relu.input()) instanceof Node.BatchNorm norm) {
                fused.putIfAbsent(norm.name(), relu);
            }
        }
    }

    /** Returns the needed nodes in topological order, the input first. */
    List<Node> nodes() {
        return nodes;
    }

    /** Returns the names that were asked for. */
    Set<String> outputs() {
        return outputs;
    }

    /** Returns the ReLU that runs with a batch norm, or null. */
    Node.@Nullable Relu reluOf(Node.BatchNorm norm) {
        return fused.get(norm.name());
    }

    /** Returns whether a ReLU runs with the batch norm in front of it. */
    boolean fused(Node.Relu relu) {
        return relu.equals(fused.get(relu.input()));
    }

    /** Returns whether a node is a batch norm whose output only its fused ReLU reads. */
    boolean hidden(Node node) {
        return fused.containsKey(node.name())
                && !outputs.contains(node.name())
                && nodes.stream().filter(n -> n.inputs().contains(node.name())).count() == 1;
    }
}
