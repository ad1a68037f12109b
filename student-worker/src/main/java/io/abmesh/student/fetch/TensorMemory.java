package io.abmesh.student.fetch;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.Optional;

/**
 * Slabs with a bound on their bytes together. A slab that is given back is used again for a batch
 * of its size; slabs of a size that is no longer asked for make room, and their memory goes back
 * with the next garbage collection. Not thread-safe.
 */
final class TensorMemory {
    private final long maxBytes;
    private final Deque<TensorSlab> free = new ArrayDeque<>();
    private long usedBytes;
    private long freeBytes;

    TensorMemory(long maxBytes) {
        this.maxBytes = maxBytes;
    }

    long maxBytes() {
        return maxBytes;
    }

    long usedBytes() {
        return usedBytes;
    }

    /** Returns a slab of at least that size, or nothing if that many bytes are not free now. */
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
        usedBytes += bytes;
        return Optional.of(new TensorSlab(bytes));
    }

    void giveBack(TensorSlab slab) {
        usedBytes -= slab.capacity();
        freeBytes += slab.capacity();
        free.addLast(slab);
    }
}
