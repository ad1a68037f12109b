package io.abmesh.nn.teacher;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.graph.ElementWiseVertex;
import org.deeplearning4j.nn.conf.graph.GraphVertex;
import org.deeplearning4j.nn.conf.graph.LayerVertex;
import org.deeplearning4j.nn.conf.graph.ScaleVertex;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.conf.layers.BaseOutputLayer;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.DropoutLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.LossLayer;
import org.deeplearning4j.nn.conf.layers.PReLULayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayer;
import org.deeplearning4j.nn.conf.layers.misc.FrozenLayerWithBackprop;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.activations.impl.ActivationELU;
import org.nd4j.linalg.activations.impl.ActivationGELU;
import org.nd4j.linalg.activations.impl.ActivationIdentity;
import org.nd4j.linalg.activations.impl.ActivationLReLU;
import org.nd4j.linalg.activations.impl.ActivationMish;
import org.nd4j.linalg.activations.impl.ActivationRReLU;
import org.nd4j.linalg.activations.impl.ActivationReLU;
import org.nd4j.linalg.activations.impl.ActivationReLU6;
import org.nd4j.linalg.activations.impl.ActivationSELU;
import org.nd4j.linalg.activations.impl.ActivationSoftPlus;
import org.nd4j.linalg.activations.impl.ActivationSoftmax;
import org.nd4j.linalg.activations.impl.ActivationSwish;
import org.nd4j.linalg.activations.impl.ActivationThresholdedReLU;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * A DL4J graph rewritten so that the input of every activation is the output of a vertex.
 *
 * <p>A layer with an activation built in, {@code conv} say, becomes the same layer with the
 * identity, still called {@code conv}, and a vertex {@code conv/activation} behind it, which
 * everything that read {@code conv} reads now. Frozen layers become the layers they hold.
 *
 * <p>Activations are what {@link io.abmesh.nn.onnx.OnnxActivationFinder} takes for one: those of
 * the ReLU family, no softmax, sigmoid or tanh.
 */
final class Dl4jTapGraph {
    private static final String ACTIVATION = "/activation";
    private static final String OUTPUT = "/output";

    private static final Map<Class<? extends IActivation>, String> KINDS =
            Map.ofEntries(
                    Map.entry(ActivationReLU.class, "Relu"),
                    Map.entry(ActivationReLU6.class, "Relu6"),
                    Map.entry(ActivationLReLU.class, "LeakyRelu"),
                    Map.entry(ActivationRReLU.class, "LeakyRelu"),
                    Map.entry(ActivationThresholdedReLU.class, "ThresholdedRelu"),
                    Map.entry(ActivationELU.class, "Elu"),
                    Map.entry(ActivationSELU.class, "Selu"),
                    Map.entry(ActivationGELU.class, "Gelu"),
                    Map.entry(ActivationSwish.class, "Swish"),
                    Map.entry(ActivationMish.class, "Mish"),
                    Map.entry(ActivationSoftPlus.class, "Softplus"));

    private final Dl4jModel model;
    private final ComputationGraphConfiguration graph;
    private final List<TapProbe.Place> activations;
    private final String logits;

    Dl4jTapGraph(Dl4jModel model) {
        this.model = model;
        this.graph = model.configuration().clone();
        for (String name : List.copyOf(graph.getVertices().keySet())) {
            if (graph.getVertices().get(name) instanceof LayerVertex vertex) {
                rewrite(name, vertex);
            }
        }
        this.activations = findActivations();
        this.logits = findLogits();
    }

    /** Returns every activation, in the order of evaluation. */
    List<TapProbe.Place> activations() {
        return activations;
    }

    /** Returns the vertex of the first output; of what enters its softmax if it has one. */
    String logits() {
        return logits;
    }

    /** Returns the layer of a vertex, that inside if it is frozen, or null if it has none. */
    static @Nullable Layer layer(@Nullable GraphVertex vertex) {
        return vertex instanceof LayerVertex holder
                ? unfrozen(holder.getLayerConf().getLayer())
                : null;
    }

    private static Layer unfrozen(Layer layer) {
        if (layer instanceof FrozenLayer frozen) {
            return unfrozen(frozen.getLayer());
        }
        return layer instanceof FrozenLayerWithBackprop frozen
                ? unfrozen(frozen.getUnderlying())
                : layer;
    }

    private void rewrite(String name, LayerVertex vertex) {
        Layer layer = unfrozen(vertex.getLayerConf().getLayer());
        layer.setLayerName(name);
        vertex.getLayerConf().setLayer(layer);
        boolean builtIn =
                layer instanceof ConvolutionLayer
                        || layer instanceof DenseLayer
                        || layer instanceof BaseOutputLayer
                        || layer instanceof LossLayer;
        if (!builtIn
                || !(layer instanceof BaseLayer computing)
                || computing.getActivationFn() instanceof ActivationIdentity) {
            return;
        }
        String activated = name + ACTIVATION;
        for (List<String> inputs : graph.getVertexInputs().values()) {
            inputs.replaceAll(input -> input.equals(name) ? activated : input);
        }
        graph.getNetworkOutputs().replaceAll(output -> output.equals(name) ? activated : output);
        ActivationLayer activation = new ActivationLayer(computing.getActivationFn());
        activation.setLayerName(activated);
        computing.setActivationFn(new ActivationIdentity());
        graph.getVertices()
                .put(
                        activated,
                        new LayerVertex(
                                new NeuralNetConfiguration.Builder().layer(activation).build(),
                                null));
        graph.getVertexInputs().put(activated, new ArrayList<>(List.of(name)));
    }

    private List<TapProbe.Place> findActivations() {
        List<TapProbe.Place> found = new ArrayList<>();
        for (String name : inOrder()) {
            kind(layer(graph.getVertices().get(name)))
                    .ifPresent(
                            kind -> {
                                String tensor = input(name);
                                String shown = name.equals(tensor + ACTIVATION) ? tensor : name;
                                found.add(
                                        new TapProbe.Place(
                                                shown, tensor, kind, isResidualSum(tensor)));
                            });
        }
        return List.copyOf(found);
    }

    private static Optional<String> kind(@Nullable Layer layer) {
        if (layer instanceof PReLULayer) {
            return Optional.of("PRelu");
        }
        return layer instanceof ActivationLayer activation
                ? Optional.ofNullable(KINDS.get(activation.getActivationFn().getClass()))
                : Optional.empty();
    }

    private boolean isResidualSum(String tensor) {
        String at = tensor;
        Layer layer = layer(graph.getVertices().get(at));
        if (layer instanceof BatchNormalization || layer instanceof DropoutLayer) {
            at = input(at);
        }
        return graph.getVertices().get(at) instanceof ElementWiseVertex sum
                && sum.getOp() == ElementWiseVertex.Op.Add;
    }

    private String findLogits() {
        String at = graph.getNetworkOutputs().get(0);
        while (true) {
            Layer layer = layer(graph.getVertices().get(at));
            boolean nothingLearnt =
                    layer instanceof LossLayer
                            || (layer instanceof ActivationLayer activation
                                    && (activation.getActivationFn() instanceof ActivationSoftmax
                                            || activation.getActivationFn()
                                                    instanceof ActivationIdentity));
            if (!nothingLearnt || graph.getNetworkInputs().contains(input(at))) {
                return at;
            }
            at = input(at);
        }
    }

    private String input(String vertex) {
        return inputs(vertex).get(0);
    }

    private List<String> inputs(String vertex) {
        return graph.getVertexInputs().getOrDefault(vertex, List.of());
    }

    /** Vertices so that each comes after its inputs; where that leaves a choice, as stored. */
    private List<String> inOrder() {
        Set<String> done = new LinkedHashSet<>(graph.getNetworkInputs());
        boolean progress = true;
        while (progress) {
            progress = false;
            for (String name : graph.getVertices().keySet()) {
                if (!done.contains(name) && done.containsAll(inputs(name))) {
                    done.add(name);
                    progress = true;
                }
            }
        }
        done.removeAll(graph.getNetworkInputs());
        return List.copyOf(done);
    }

    /**
     * Makes a network of float32 that computes no more than some vertices need.
     *
     * <p>Its outputs are copies of what these vertices give: DL4J lets an activation overwrite an
     * input that is an output of the network, and loses count of its workspaces if such outputs are
     * read by other vertices.
     *
     * @param tensors vertices whose outputs are wanted, in this order
     * @return with parameters of its own, the caller's to close
     */
    ComputationGraph networkOf(List<String> tensors) {
        ComputationGraphConfiguration part = graph.clone();
        Set<String> needed = ancestors(tensors);
        part.getVertices().keySet().retainAll(needed);
        part.getVertexInputs().keySet().retainAll(needed);
        List<String> outputs = new ArrayList<>();
        for (String tensor : tensors) {
            String output = tensor + OUTPUT;
            part.getVertices().put(output, new ScaleVertex(1));
            part.getVertexInputs().put(output, new ArrayList<>(List.of(tensor)));
            outputs.add(output);
        }
        part.setNetworkOutputs(outputs);
        part.setValidateOutputLayerConfig(false);
        part.setDataType(DataType.FLOAT);
        ComputationGraph network = new ComputationGraph(part);
        network.init();
        model.layers().forEach((name, layer) -> copyParameters(layer, network, name));
        return network;
    }

    private Set<String> ancestors(List<String> tensors) {
        Set<String> needed = new LinkedHashSet<>();
        Deque<String> open = new ArrayDeque<>(tensors);
        while (!open.isEmpty()) {
            String name = open.pop();
            if (graph.getVertices().containsKey(name) && needed.add(name)) {
                open.addAll(inputs(name));
            }
        }
        return needed;
    }

    private static void copyParameters(
            org.deeplearning4j.nn.api.Layer from, ComputationGraph network, String name) {
        if (from.numParams() == 0 || !network.getConfiguration().getVertices().containsKey(name)) {
            return;
        }
        Map<String, INDArray> values = from.paramTable(false);
        network.getLayer(name)
                .paramTable(false)
                .forEach((key, parameter) -> parameter.assign(values.get(key)));
    }
}
