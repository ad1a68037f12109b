package io.abmesh.nn.teacher;

import java.util.List;
import java.util.Map;
import org.deeplearning4j.nn.api.Layer;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;

/**
 * A network as DL4J read it, whichever of its formats and classes it came in.
 *
 * @param configuration its graph, with one input and layers by their names
 * @param layers its layers with their parameters, by the name of their vertex; native memory lives
 *     until {@code release}
 * @param imageShape {@code [C, H, W]} with -1 where it is free
 * @param flatInput whether the network's input is {@code [N, C * H * W]}
 * @param channelsLast whether feature maps are {@code [N, H, W, C]} inside, and the input too
 * @param metadata what the file says of itself, by key
 * @param release frees the parameters
 */
record Dl4jModel(
        ComputationGraphConfiguration configuration,
        Map<String, Layer> layers,
        List<Long> imageShape,
        boolean flatInput,
        boolean channelsLast,
        Map<String, String> metadata,
        Runnable release) {
    Dl4jModel {
        layers = Map.copyOf(layers);
        imageShape = List.copyOf(imageShape);
        metadata = Map.copyOf(metadata);
    }
}
