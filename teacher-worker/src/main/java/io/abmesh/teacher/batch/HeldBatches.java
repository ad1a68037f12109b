package io.abmesh.teacher.batch;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The batches of a process by name, from their announcement to their release. How many bytes they
 * take is bounded by the credits of their streams. Thread-safe.
 */
public final class HeldBatches {
    private final Map<String, Optional<HeldBatch>> batches = new ConcurrentHashMap<>();

    /**
     * Takes a name for a batch that is on its way.
     *
     * @throws MeshException STREAM_PROTOCOL if the name is taken
     */
    public void announce(String batchId) {
        if (batches.putIfAbsent(batchId, Optional.empty()) != null) {
            throw new MeshException(
                    ErrorReason.STREAM_PROTOCOL,
                    "batch is there already: batch=" + batchId,
                    Map.of("batch", batchId));
        }
    }

    /** Makes an announced batch available. */
    public void put(HeldBatch batch) {
        batches.put(batch.batchId(), Optional.of(batch));
    }

    /** Gives a name back; what is being fetched is sent to the end. */
    public void remove(String batchId) {
        Optional<HeldBatch> batch = batches.remove(batchId);
        if (batch != null) {
            batch.ifPresent(HeldBatch::release);
        }
    }

    /**
     * Returns a batch for a fetch, which must let it go.
     *
     * @param epoch the fetch's membership epoch; 0: none
     * @throws MeshException BATCH_NOT_FOUND if it is unknown, not ready or released; STALE_EPOCH if
     *     its stream has another epoch
     */
    public HeldBatch acquire(String batchId, long epoch) {
        HeldBatch batch = batches.getOrDefault(batchId, Optional.empty()).orElse(null);
        if (batch == null || !batch.hold()) {
            throw new MeshException(
                    ErrorReason.BATCH_NOT_FOUND,
                    "no such batch: batch=" + batchId,
                    Map.of("batch", batchId));
        }
        if (epoch != 0 && epoch != batch.epoch()) {
            batch.letGo();
            throw new MeshException(
                    ErrorReason.STALE_EPOCH,
                    "batch is of another epoch: batch="
                            + batchId
                            + ", found="
                            + epoch
                            + ", expected="
                            + batch.epoch(),
                    Map.of(
                            "batch", batchId,
                            "found", Long.toString(epoch),
                            "expected", Long.toString(batch.epoch())));
        }
        return batch;
    }

    /** Batches announced or held. */
    public int count() {
        return batches.size();
    }
}
