package io.abmesh.teacher.batch;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.abmesh.proto.frame.Tensor;
import java.util.List;

/**
 * A batch that waits for its students. It is held by its stream until it is released, and by every
 * fetch while it lasts; whoever lets go last frees it, which is when its bytes count as free.
 * Thread-safe.
 */
public final class HeldBatch {
    private final String batchId;
    private final long epoch;
    private final List<Tensor> tensors;
    private final Runnable onFree;
    private final Object lock = new Object();

    @GuardedBy("lock")
    private int holders = 1;

    @GuardedBy("lock")
    private boolean released;

    /**
     * Holds tensors for the stream that makes it.
     *
     * @param onFree runs once, after the last holder has let go
     */
    public HeldBatch(String batchId, long epoch, List<Tensor> tensors, Runnable onFree) {
        this.batchId = batchId;
        this.epoch = epoch;
        this.tensors = List.copyOf(tensors);
        this.onFree = onFree;
    }

    /** Name, unique in the process. */
    public String batchId() {
        return batchId;
    }

    /** Membership epoch of its stream. */
    public long epoch() {
        return epoch;
    }

    /** Its tensors, in the order in which they are sent. */
    public List<Tensor> tensors() {
        return tensors;
    }

    /** Holds it for a fetch; false if it has been released. */
    boolean hold() {
        synchronized (lock) {
            if (released) {
                return false;
            }
            holders++;
            return true;
        }
    }

    /** Ends a fetch's hold. */
    public void letGo() {
        boolean free;
        synchronized (lock) {
            holders--;
            free = holders == 0;
        }
        if (free) {
            onFree.run();
        }
    }

    /** Ends the stream's hold; does nothing the second time. */
    public void release() {
        synchronized (lock) {
            if (released) {
                return;
            }
            released = true;
        }
        letGo();
    }
}
