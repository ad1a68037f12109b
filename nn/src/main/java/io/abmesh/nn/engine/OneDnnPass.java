package io.abmesh.nn.engine;

import io.abmesh.nn.network.FeatureShape;
import io.abmesh.nn.network.NetworkSpec;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import org.bytedeco.dnnl.memory;
import org.jspecify.annotations.Nullable;

/**
 * A pass of oneDNN's primitives: laid out at construction, in the library's own layouts, and then
 * only run. The number of threads is the one that OpenMP has at construction.
 */
final class OneDnnPass implements Pass {
    private final PassGraph graph;
    private final OneDnnArena arena;
    private final FloatArray input;
    private final Map<String, FloatArray> outputs = new LinkedHashMap<>();
    private final Map<String, FloatArray> seeds = new LinkedHashMap<>();
    private final OneDnnForward forward;
    private final @Nullable OneDnnBackward backward;

    OneDnnPass(
            OneDnn library,
            NetworkSpec network,
            ParameterStore parameters,
            ChannelKernels kernels,
            int samples,
            Set<String> outputs,
            boolean training) {
        this.graph = new PassGraph(network, outputs);
        this.arena = new OneDnnArena(library);
        this.input = array(network, samples, graph.nodes().get(0).name());
        this.forward =
                new OneDnnForward(
                        network, parameters, kernels, samples, training, graph, arena, input);
        Map<String, OneDnnTensor> seeded = new LinkedHashMap<>();
        for (String name : graph.outputs()) {
            memory.desc layout = arena.layout(forward.shape(name), memory.format_tag.nhwc);
            FloatArray output = array(network, samples, name);
            this.outputs.put(name, output);
            forward.program().copy(forward.value(name), arena.over(output, layout));
            if (training) {
                FloatArray seed = array(network, samples, name);
                seeds.put(name, seed);
                seeded.put(name, arena.over(seed, layout));
            }
        }
        this.backward =
                training
                        ? new OneDnnBackward(network, parameters, graph, arena, forward, seeded)
                        : null;
    }

    private static FloatArray array(NetworkSpec network, int samples, String node) {
        FeatureShape shape = network.shape(node);
        return FloatArray.zeros(samples, shape.rows(), shape.columns(), shape.channels());
    }

    @Override
    public FloatArray input() {
        return input;
    }

    @Override
    public FloatArray output(String name) {
        return known(outputs, name);
    }

    @Override
    public FloatArray seed(String name) {
        return known(seeds, name);
    }

    @Override
    public void batchStatistics(BiConsumer<String, float[]> reader) {
        forward.batchStatistics(reader);
    }

    @Override
    public void forward() {
        forward.program().run();
    }

    @Override
    public void backward() {
        if (backward == null) {
            throw new IllegalStateException("a pass of inference has no gradients");
        }
        backward.program().run();
    }

    @Override
    public void close() {
        arena.close();
        forward.close();
        input.close();
        outputs.values().forEach(FloatArray::close);
        seeds.values().forEach(FloatArray::close);
    }

    private static FloatArray known(Map<String, FloatArray> map, String name) {
        FloatArray found = map.get(name);
        if (found == null) {
            throw new IllegalArgumentException("not an output: " + name);
        }
        return found;
    }
}
