package io.abmesh.nn.engine;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Gradients on their way back through a network. A buffer returns to the pool when its last holder
 * lets it go, so that a backward pass needs as many buffers as gradients are alive at once, and a
 * second pass allocates nothing.
 */
final class GradientPool implements AutoCloseable {
    /** A buffer with the number of places that still read it. */
    static final class Gradient {
        private final FloatArray array;
        private final String key;
        private int holders = 1;

        private Gradient(FloatArray array, String key) {
            this.array = array;
            this.key = key;
        }

        /** Returns the memory; borrowed. */
        FloatArray array() {
            return array;
        }

        /** Returns whether the caller may overwrite it. */
        boolean exclusive() {
            return holders == 1;
        }

        /** Adds a holder. */
        Gradient shared() {
            holders++;
            return this;
        }
    }

    private final Map<String, Deque<Gradient>> free = new HashMap<>();
    private final List<FloatArray> owned = new ArrayList<>();

    /** Returns a buffer of that shape with undefined contents and one holder. */
    Gradient acquire(long... shape) {
        StringBuilder key = new StringBuilder();
        for (long size : shape) {
            key.append(size).append('x');
        }
        Deque<Gradient> same = free.computeIfAbsent(key.toString(), k -> new ArrayDeque<>());
        Gradient reused = same.poll();
        if (reused != null) {
            reused.holders = 1;
            return reused;
        }
        FloatArray fresh = FloatArray.zeros(shape);
        owned.add(fresh);
        return new Gradient(fresh, key.toString());
    }

    /** Lets go of a holder's buffer. */
    void release(Gradient gradient) {
        if (--gradient.holders == 0) {
            free.computeIfAbsent(gradient.key, k -> new ArrayDeque<>()).push(gradient);
        }
    }

    @Override
    public void close() {
        owned.forEach(FloatArray::close);
    }
}
