package io.abmesh.coordinator.batch;

import io.abmesh.data.schedule.MicroBatch;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/**
 * Batches that need no teacher, by name. Only how to render one is kept, since a batch is a pure
 * function of plan and step; {@link BatchMemory} is used while one is being sent. Thread-safe.
 *
 * <p>A batch's name is {@code RUN/EPOCH/PLACE}. A run has batches of one epoch at a time, and a
 * fetch that belongs to another is refused: a student that was paused must not go on with work that
 * is not its own any more.
 */
public final class LazyBatches {
    /** When a student may try again whose run has no memory left. */
    private static final Duration RETRY_DELAY = Duration.ofMillis(200);

    private record Offer(long epoch, long bytes, Supplier<MicroBatch> render) {}

    /**
     * A batch in memory.
     *
     * @param release gives the memory back; to be run once
     */
    record Rendered(MicroBatch batch, Runnable release) {}

    private final BatchMemory memory;
    private final Map<String, Offer> batches = new ConcurrentHashMap<>();
    private final Map<String, Long> epochs = new ConcurrentHashMap<>();

    /**
     * Makes a place without batches.
     *
     * @param memory that batches take while they are sent; borrowed
     */
    public LazyBatches(BatchMemory memory) {
        this.memory = memory;
    }

    /** Returns the memory that batches take while they are sent. */
    public BatchMemory memory() {
        return memory;
    }

    /** Lets every batch of a run go and refuses fetches of epochs before this one. */
    public void begin(String runId, long epoch) {
        memory.begin(runId);
        epochs.put(runId, epoch);
        releaseAll(runId + "/");
    }

    /**
     * Makes a batch available.
     *
     * @param place in the run, unique in its epoch
     * @param bytes that it takes
     * @return its name
     */
    public String offer(
            String runId, long epoch, String place, long bytes, Supplier<MicroBatch> render) {
        String batchId = id(runId, epoch, place);
        batches.put(batchId, new Offer(epoch, bytes, render));
        return batchId;
    }

    /** Lets a batch go; one that is not there is none to let go. */
    public void release(String runId, long epoch, String place) {
        batches.remove(id(runId, epoch, place));
    }

    /** Lets the batches go whose place begins so. */
    public void releaseAll(String runId, long epoch, String place) {
        releaseAll(id(runId, epoch, place));
    }

    /** Lets every batch of a run go. */
    public void end(String runId) {
        epochs.remove(runId);
        releaseAll(runId + "/");
        memory.end(runId);
    }

    /**
     * Renders a batch.
     *
     * @param epoch that the fetch belongs to; 0 for a client outside a run
     * @throws MeshException STALE_EPOCH, BATCH_NOT_FOUND; WORKER_OVERLOADED while the run has no
     *     memory left
     */
    Rendered render(String batchId, long epoch) {
        Offer offer = batches.get(batchId);
        Long current = offer == null ? epochs.get(run(batchId)) : Long.valueOf(offer.epoch());
        if (epoch != 0 && current != null && epoch != current) {
            throw new MeshException(
                    ErrorReason.STALE_EPOCH,
                    "fetch is of another epoch: batch="
                            + batchId
                            + ", found="
                            + epoch
                            + ", expected="
                            + current,
                    Map.of(
                            "batch_id", batchId,
                            "found", Long.toString(epoch),
                            "expected", current.toString()));
        }
        if (offer == null) {
            throw new MeshException(
                    ErrorReason.BATCH_NOT_FOUND,
                    "no such batch here: found=" + batchId,
                    Map.of("batch_id", batchId));
        }
        String runId = run(batchId);
        if (!memory.tryTake(runId, offer.bytes())) {
            throw new MeshException(
                            ErrorReason.WORKER_OVERLOADED,
                            "run has no memory left for a batch: batch="
                                    + batchId
                                    + ", bytes="
                                    + offer.bytes(),
                            Map.of("batch_id", batchId))
                    .withRetryDelay(RETRY_DELAY);
        }
        Runnable release = () -> memory.give(runId, offer.bytes());
        try {
            return new Rendered(offer.render().get(), release);
        } catch (RuntimeException e) {
            release.run();
            throw e;
        }
    }

    private void releaseAll(String prefix) {
        batches.keySet().removeIf(id -> id.startsWith(prefix));
    }

    private static String id(String runId, long epoch, String place) {
        return runId + "/" + epoch + "/" + place;
    }

    /** Returns the run that a batch is of. */
    static String run(String batchId) {
        int cut = batchId.indexOf('/');
        return cut < 0 ? batchId : batchId.substring(0, cut);
    }
}
