package io.abmesh.student.fetch;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.Optional;
import java.util.function.IntFunction;

/**
 * Slabs with a bound on their bytes together. A slab that is given back is used again for a batch
 * of its size; slabs of a size that is no longer asked for make room, and their memory goes back
 * with the next garbage collection. Not thread-safe.
 */
final class TensorMemory {
    private final long maxBytes;
    private final IntFunction<ByteBuffer> allocator;
    private final Deque<TensorSlab> free = new ArrayDeque<>();
    private long usedBytes;
    private long freeBytes;

    /**
     * Takes no memory yet.
     *
     * @param allocator of direct memory, by length in bytes
     */
    TensorMemory(long maxBytes, IntFunction<ByteBuffer> allocator) {
        this.maxBytes = maxBytes;
        this.allocator = allocator;
    }

    long maxBytes() {
        return maxBytes;
    }

    long usedBytes() {
        return usedBytes;
    }

    /**
     * Returns a slab of at least that size, or nothing if that many bytes are not free now.
     *
     * @throws OutOfMemoryError if the process has less direct memory than the bound; nothing is
     *     taken
     */
    Optional<TensorSlab> take(int bytes) {
        for (Iterator<TensorSlab> slabs = free.iterator(); slabs.hasNext(); ) {
            TensorSlab slab = slabs.next();
            // A much larger slab would waste the bound.
            if (slab.capacity() >= bytes && slab.capacity() / 2 <= bytes) {
                slabs.remove();
                freeBytes -= slab.capacity();
                usedBytes += slab.capacity();
                slab.clear();
                return Optional.of(slab);
            }
        }
        if (usedBytes + bytes > maxBytes) {
            return Optional.empty();
        }
        while (usedBytes + freeBytes + bytes > maxBytes) {
            freeBytes -= free.removeFirst().capacity();
        }
        TensorSlab slab = new TensorSlab(allocator.apply(bytes));
        usedBytes += bytes;
        return Optional.of(slab);
    }

    void giveBack(TensorSlab slab) {
        usedBytes -= slab.capacity();
        freeBytes += slab.capacity();
        free.addLast(slab);
    }
}
