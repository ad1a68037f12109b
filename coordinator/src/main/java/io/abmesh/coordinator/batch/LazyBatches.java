package io.abmesh.coordinator.batch;

import io.abmesh.data.schedule.MicroBatch;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/**
 * Batches that need no teacher, by name. Only how to render one is kept, since a batch is a pure
 * function of plan and step; memory is used while one is being sent. Thread-safe.
 */
public final class LazyBatches {
    private final Map<String, Supplier<MicroBatch>> batches = new ConcurrentHashMap<>();

    /** Makes a batch available. */
    public void offer(String batchId, Supplier<MicroBatch> render) {
        batches.put(batchId, render);
    }

    /** Lets a batch go; one that is not there is none to let go. */
    public void release(String batchId) {
        batches.remove(batchId);
    }

    /** Lets every batch of a run go. */
    public void releaseAll(String prefix) {
        batches.keySet().removeIf(id -> id.startsWith(prefix));
    }

    /**
     * Renders a batch.
     *
     * @throws MeshException BATCH_NOT_FOUND
     */
    MicroBatch render(String batchId) {
        Supplier<MicroBatch> render = batches.get(batchId);
        if (render == null) {
            throw new MeshException(
                    ErrorReason.BATCH_NOT_FOUND,
                    "no such batch here: found=" + batchId,
                    Map.of("batch_id", batchId));
        }
        return render.get();
    }
}
