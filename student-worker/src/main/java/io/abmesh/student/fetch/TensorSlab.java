package io.abmesh.student.fetch;

import java.nio.ByteBuffer;

/**
 * Direct memory for the tensors of one micro-batch, handed out piece by piece and used again for
 * the next. Not thread-safe: it has one user at a time.
 */
final class TensorSlab {
    /** Pieces start at multiples of this many bytes: {@value}, a cache line. */
    static final int ALIGNMENT = 64;

    private final ByteBuffer memory;
    private int used;

    /**
     * Hands out memory.
     *
     * @param memory direct; taken
     */
    TensorSlab(ByteBuffer memory) {
        this.memory = memory;
    }

    /** Returns what a piece of that length takes. */
    static long padded(long bytes) {
        return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }

    int capacity() {
        return memory.capacity();
    }

    /** Takes every piece back. Whoever still reads one would see the next batch. */
    void clear() {
        used = 0;
    }

    /**
     * Hands out the next piece.
     *
     * @throws IndexOutOfBoundsException if the slab is used up
     */
    ByteBuffer take(int bytes) {
        ByteBuffer piece = memory.slice(used, bytes);
        used += Math.toIntExact(padded(bytes));
        return piece;
    }
}
