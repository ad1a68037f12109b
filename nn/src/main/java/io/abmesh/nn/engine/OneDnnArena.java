package io.abmesh.nn.engine;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.TreeMap;
import org.bytedeco.dnnl.memory;
import org.bytedeco.javacpp.Pointer;

/**
 * The native objects and tensors of one pass. A pass is laid out once, before it runs: a tensor
 * that is released while it is laid out gives its memory to one acquired later, which the pass then
 * also writes later.
 *
 * <p>Owns everything until closed.
 */
final class OneDnnArena implements AutoCloseable {
    private final OneDnn library;
    private final Deque<Pointer> owned = new ArrayDeque<>();
    private final TreeMap<Long, Deque<Pointer>> free = new TreeMap<>();

    OneDnnArena(OneDnn library) {
        this.library = library;
    }

    OneDnn library() {
        return library;
    }

    /** Keeps a native object alive until the arena closes. */
    <T extends Pointer> T own(T object) {
        owned.push(object);
        return object;
    }

    /** Returns a layout in which the dimensions follow each other as {@code tag} says. */
    memory.desc layout(long[] shape, memory.format_tag tag) {
        return own(new memory.desc(shape, memory.data_type.f32, tag));
    }

    /** Returns a layout that a primitive is to choose. */
    memory.desc any(long[] shape) {
        return layout(shape, memory.format_tag.any);
    }

    /** Returns a tensor with undefined contents and one holder. */
    OneDnnTensor acquire(memory.desc layout) {
        long bytes = layout.get_size();
        Map.Entry<Long, Deque<Pointer>> fit = free.ceilingEntry(bytes);
        if (fit == null) {
            memory fresh = own(new memory(layout, library.processor()));
            return new OneDnnTensor(fresh, layout, bytes);
        }
        Pointer block = fit.getValue().pop();
        if (fit.getValue().isEmpty()) {
            free.remove(fit.getKey());
        }
        return new OneDnnTensor(
                own(new memory(layout, library.processor(), block)), layout, fit.getKey());
    }

    /** Returns a tensor over an array, which stays its owner's. */
    OneDnnTensor over(FloatArray array, memory.desc layout) {
        return new OneDnnTensor(
                own(new memory(layout, library.processor(), array.pointer())), layout, 0);
    }

    /** Lets go of a holder's tensor. */
    void release(OneDnnTensor tensor) {
        if (tensor.letGo() && tensor.bytes() > 0) {
            free.computeIfAbsent(tensor.bytes(), size -> new ArrayDeque<>())
                    .push(own(tensor.contents().get_data_handle()));
        }
    }

    @Override
    public void close() {
        while (!owned.isEmpty()) {
            owned.pop().close();
        }
    }
}
