package io.abmesh.nn.engine;

import io.abmesh.nn.network.NetworkException;
import io.abmesh.nn.network.NetworkSpec;
import io.abmesh.nn.network.ParameterSpec;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/**
 * Every array of a network: trained ones, their gradients, the sum of these over micro-batches, and
 * their velocities, each as one flat view in the order of the network's nodes; running statistics
 * beside them. Owns its native memory until closed.
 */
final class ParameterStore implements AutoCloseable {
    /** A trained array's place in the flat views: {@code [from, to)}. */
    record Range(int from, int to) {}

    private final Map<String, ParameterSpec> specs = new LinkedHashMap<>();
    private final Map<String, Range> ranges = new LinkedHashMap<>();
    private final Map<String, FloatArray> values = new LinkedHashMap<>();
    private final Map<String, FloatArray> gradients = new LinkedHashMap<>();
    private final FloatArray flatValues;
    private final FloatArray flatGradients;
    private final FloatArray flatTotals;
    private final FloatArray flatVelocities;
    private final FloatArray flatStatistics;

    ParameterStore(NetworkSpec network) {
        int trained = 0;
        int running = 0;
        for (ParameterSpec spec : network.parameters()) {
            specs.put(spec.name(), spec);
            if (spec.kind().trained()) {
                ranges.put(spec.name(), new Range(trained, trained + spec.elements()));
                trained += spec.elements();
            } else {
                ranges.put(spec.name(), new Range(running, running + spec.elements()));
                running += spec.elements();
            }
        }
        flatValues = FloatArray.zeros(Math.max(1, trained));
        flatGradients = FloatArray.zeros(Math.max(1, trained));
        flatTotals = FloatArray.zeros(Math.max(1, trained));
        flatVelocities = FloatArray.zeros(Math.max(1, trained));
        flatStatistics = FloatArray.zeros(Math.max(1, running));
        specs.forEach(
                (name, spec) -> {
                    long[] shape = spec.shape().stream().mapToLong(Long::longValue).toArray();
                    boolean own = spec.kind().trained();
                    values.put(
                            name,
                            (own ? flatValues : flatStatistics).slice(range(name).from(), shape));
                    if (own) {
                        gradients.put(name, flatGradients.slice(range(name).from(), shape));
                    }
                });
    }

    /** Returns what the arrays are, in order. */
    List<ParameterSpec> specs() {
        return List.copyOf(specs.values());
    }

    /** Returns the view of one array; borrowed. */
    FloatArray value(String name) {
        return known(values, name);
    }

    /** Returns the view of a trained array's gradient; borrowed. */
    FloatArray gradient(String name) {
        return known(gradients, name);
    }

    /** Returns a copy of a trained array's velocity. */
    float[] velocity(String name) {
        Range range = range(name);
        float[] copy = new float[range.to() - range.from()];
        flatVelocities.floats().get(range.from(), copy);
        return copy;
    }

    void setVelocity(String name, float[] velocity) {
        flatVelocities.floats().put(range(name).from(), velocity);
    }

    /** Returns the flat view of the trained arrays. */
    FloatArray flatValues() {
        return flatValues;
    }

    /** Returns the gradients of the micro-batch computed last. */
    FloatArray flatGradients() {
        return flatGradients;
    }

    /** Returns the gradient of a step, summed over its micro-batches. */
    FloatArray flatTotals() {
        return flatTotals;
    }

    /** Returns the flat view of the running statistics. */
    FloatArray flatStatistics() {
        return flatStatistics;
    }

    /** Returns the place of a running statistic in its flat view. */
    Range statisticsRange(String name) {
        return range(name);
    }

    FloatArray flatVelocities() {
        return flatVelocities;
    }

    /** Returns the places of the trained arrays that {@code wanted} accepts, neighbours merged. */
    List<Range> ranges(Predicate<ParameterSpec> wanted) {
        List<Range> merged = new ArrayList<>();
        for (ParameterSpec spec : specs.values()) {
            if (!spec.kind().trained() || !wanted.test(spec)) {
                continue;
            }
            Range range = range(spec.name());
            int last = merged.size() - 1;
            if (last >= 0 && merged.get(last).to() == range.from()) {
                merged.set(last, new Range(merged.get(last).from(), range.to()));
            } else {
                merged.add(range);
            }
        }
        return merged;
    }

    @Override
    public void close() {
        flatValues.close();
        flatGradients.close();
        flatTotals.close();
        flatVelocities.close();
        flatStatistics.close();
    }

    private Range range(String name) {
        return known(ranges, name);
    }

    private static <T> T known(Map<String, T> map, String name) {
        T value = map.get(name);
        if (value == null) {
            throw new NetworkException("no array of that name: found=" + name);
        }
        return value;
    }
}
