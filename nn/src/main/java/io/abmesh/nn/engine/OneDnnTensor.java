package io.abmesh.nn.engine;

import java.nio.FloatBuffer;
import org.bytedeco.dnnl.dnnl_blocking_desc_t;
import org.bytedeco.dnnl.memory;
import org.bytedeco.javacpp.FloatPointer;

/**
 * A tensor in the layout that oneDNN chose for it, with the number of places that still read it.
 * The memory belongs to the {@link OneDnnArena} that made it.
 */
final class OneDnnTensor {
    private final memory contents;
    private final memory.desc layout;
    private final long bytes;
    private int holders = 1;

    OneDnnTensor(memory contents, memory.desc layout, long bytes) {
        this.contents = contents;
        this.layout = layout;
        this.bytes = bytes;
    }

    memory contents() {
        return contents;
    }

    memory.desc layout() {
        return layout;
    }

    /** Returns the memory; absolute access only, valid as long as the arena. */
    FloatBuffer floats() {
        long capacity = layout.get_size() / Float.BYTES;
        return new FloatPointer(contents.get_data_handle()).capacity(capacity).asBuffer();
    }

    /**
     * Returns how the channels of {@code [N, C, H, W]} lie in memory.
     *
     * @throws IllegalStateException if they lie in no way that is known here
     */
    ChannelLayout channels(long[] shape) {
        int images = Math.toIntExact(shape[0]);
        int channels = Math.toIntExact(shape[1]);
        int positions = Math.toIntExact(shape[2] * shape[3]);
        dnnl_blocking_desc_t order = layout.data().format_desc_blocking();
        long channelStride = order.strides().get(1);
        if (order.inner_nblks() == 1 && order.inner_idxs().get(0) == 1) {
            int lanes = Math.toIntExact(order.inner_blks().get(0));
            return new ChannelLayout(images, channels, lanes, positions);
        }
        if (order.inner_nblks() == 0 && channelStride == 1) {
            return new ChannelLayout(images, channels, channels, positions);
        }
        if (order.inner_nblks() == 0 && channelStride == positions) {
            return new ChannelLayout(images, channels, 1, positions);
        }
        throw new IllegalStateException(
                "unknown layout: blocks=" + order.inner_nblks() + ", stride=" + channelStride);
    }

    /** Returns the bytes behind it, which may be more than it needs; 0 if it is not the arena's. */
    long bytes() {
        return bytes;
    }

    /** Returns whether nobody else reads it, so that the caller may overwrite it. */
    boolean exclusive() {
        return holders == 1;
    }

    /** Adds a holder. */
    OneDnnTensor shared() {
        holders++;
        return this;
    }

    /** Takes a holder away and returns whether it was the last. */
    boolean letGo() {
        holders--;
        return holders == 0;
    }
}
