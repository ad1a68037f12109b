package io.abmesh.coordinator.run;

import io.abmesh.coordinator.batch.LazyBatches;
import io.abmesh.data.schedule.MicroBatch;
import io.abmesh.proto.v1.BatchReference;
import java.util.function.Supplier;

/**
 * Batches that need no teacher, which students of an epoch fetch at the coordinator itself.
 *
 * @param run borrowed
 * @param batches borrowed
 * @param epoch membership epoch of those who fetch
 * @param address of the coordinator, {@code host:port}
 */
record ServedBatches(OpenedRun run, LazyBatches batches, long epoch, String address) {
    /**
     * Makes a batch available.
     *
     * @param place in the run, unique in the epoch
     * @return where it can be fetched
     */
    BatchReference offer(String place, int samples, Supplier<MicroBatch> render) {
        String batchId =
                batches.offer(run.runId(), epoch, place, run.world().bytes(samples), render);
        return reference(batchId, address, samples);
    }

    /** Lets a batch go; one that is not there is none to let go. */
    void release(String place) {
        batches.release(run.runId(), epoch, place);
    }

    /** Lets the batches go whose place begins so. */
    void releaseAll(String place) {
        batches.releaseAll(run.runId(), epoch, place);
    }

    /** Returns what a student fetches a batch by, at whatever address. */
    static BatchReference reference(String batchId, String address, int samples) {
        return BatchReference.newBuilder()
                .setBatchId(batchId)
                .setAddress(address)
                .setSampleCount(samples)
                .build();
    }
}
