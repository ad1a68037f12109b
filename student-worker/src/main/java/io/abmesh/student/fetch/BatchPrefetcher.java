package io.abmesh.student.fetch;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.ErrorStatuses;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.error.Retry;
import io.abmesh.proto.frame.Tensor;
import io.abmesh.proto.v1.BatchReference;
import io.abmesh.proto.v1.FetchBatchRequest;
import io.abmesh.student.meter.StudentMeters;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import org.jboss.logging.Logger;

/**
 * Fetches micro-batches ahead of the step that needs them. They start in the order submitted, as
 * soon as their memory fits the bound, so the batch that is needed first never waits for memory
 * that a later one holds.
 *
 * <p>An attempt that fails for a reason that may pass is repeated with growing delays at the newest
 * address of the batch, until the batch timeout. Thread-safe; threads {@code student-fetch-N}.
 */
public final class BatchPrefetcher implements AutoCloseable {
    static final Duration FIRST_DELAY = Duration.ofMillis(100);
    static final Duration MAX_DELAY = Duration.ofSeconds(2);

    private static final Logger LOG = Logger.getLogger(BatchPrefetcher.class);

    final ReentrantLock lock = new ReentrantLock();
    final Condition changed = lock.newCondition();

    private final BatchSource source;
    private final FetchSettings settings;
    private final StudentMeters meters;
    private final LongSupplier nanoClock;
    private final ScheduledThreadPoolExecutor pool;

    @GuardedBy("lock")
    private final TensorMemory memory;

    @GuardedBy("lock")
    private final Deque<PendingBatch> waiting = new ArrayDeque<>();

    /**
     * Starts the pool.
     *
     * @param source not closed by this
     * @param nanoClock as {@link System#nanoTime}
     */
    public BatchPrefetcher(
            BatchSource source,
            FetchSettings settings,
            StudentMeters meters,
            LongSupplier nanoClock) {
        this(
                source,
                settings,
                meters,
                nanoClock,
                new TensorMemory(settings.maxBytes(), ByteBuffer::allocateDirect));
    }

    BatchPrefetcher(
            BatchSource source,
            FetchSettings settings,
            StudentMeters meters,
            LongSupplier nanoClock,
            TensorMemory memory) {
        this.source = source;
        this.settings = settings;
        this.meters = meters;
        this.nanoClock = nanoClock;
        this.memory = memory;
        this.pool =
                new ScheduledThreadPoolExecutor(
                        settings.threads(), new DefaultThreadFactory("student-fetch", true));
        pool.setRemoveOnCancelPolicy(true);
        pool.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
    }

    /**
     * Takes a micro-batch on; returns at once. What is logged of its fetch belongs to what the
     * calling thread works for.
     *
     * @param epoch membership epoch of the assignment
     */
    public PendingBatch submit(BatchReference reference, long epoch, TensorNeeds needs) {
        PendingBatch batch = new PendingBatch(this, reference, epoch, needs);
        lock.lock();
        try {
            long bytes = needs.slabBytes(reference.getSampleCount());
            if (bytes > Math.min(memory.maxBytes(), Integer.MAX_VALUE)) {
                batch.failed(
                        new MeshException(
                                ErrorReason.MESSAGE_TOO_LARGE,
                                "micro-batch exceeds abmesh.student.prefetch-memory: found="
                                        + bytes
                                        + " bytes, expected at most="
                                        + memory.maxBytes()
                                        + "; raise it or the plan's microBatches",
                                Map.of("batch", reference.getBatchId())));
            } else {
                waiting.addLast(batch);
                admit();
            }
        } finally {
            lock.unlock();
        }
        return batch;
    }

    /** Bytes of tensors fetched or being fetched. */
    public long usedBytes() {
        lock.lock();
        try {
            return memory.usedBytes();
        } finally {
            lock.unlock();
        }
    }

    /** Stops; batches still on their way never come. */
    @Override
    public void close() {
        pool.shutdownNow();
        try {
            pool.awaitTermination(1, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Starts what fits, in order. */
    @GuardedBy("lock")
    private void admit() {
        while (!waiting.isEmpty()) {
            PendingBatch next = waiting.getFirst();
            if (next.over()) {
                waiting.removeFirst();
                continue;
            }
            Optional<TensorSlab> slab;
            try {
                slab = memory.take(Math.toIntExact(next.slabBytes()));
            } catch (OutOfMemoryError e) {
                waiting.removeFirst();
                next.failed(noMemory(next, e));
                continue;
            }
            if (slab.isEmpty()) {
                return;
            }
            waiting.removeFirst();
            next.admitted(slab.get());
            schedule(next, Duration.ZERO);
        }
    }

    private static MeshException noMemory(PendingBatch batch, OutOfMemoryError cause) {
        return new MeshException(
                ErrorReason.INTERNAL,
                "no direct memory for a micro-batch: expected="
                        + batch.slabBytes()
                        + " bytes, found="
                        + cause.getMessage()
                        + "; raise -XX:MaxDirectMemorySize or lower"
                        + " abmesh.student.prefetch-memory",
                Map.of(),
                cause);
    }

    /** Takes memory back; to be called when nobody reads it any more. */
    void giveBack(TensorSlab slab) {
        lock.lock();
        try {
            memory.giveBack(slab);
            admit();
        } finally {
            lock.unlock();
        }
    }

    void schedule(PendingBatch batch, Duration delay) {
        try {
            batch.scheduled(
                    pool.schedule(
                            () -> batch.context().during(() -> attempt(batch)),
                            delay.toNanos(),
                            TimeUnit.NANOSECONDS));
        } catch (RejectedExecutionException e) {
            batch.failed(new MeshException(ErrorReason.CANCELLED, "worker is stopping"));
        }
    }

    private void attempt(PendingBatch batch) {
        PendingBatch.Attempt attempt;
        lock.lock();
        try {
            Optional<PendingBatch.Attempt> begun = batch.beginAttempt();
            if (begun.isEmpty()) {
                return;
            }
            attempt = begun.get();
        } finally {
            lock.unlock();
        }
        try {
            Map<String, Tensor> tensors = attempt.context().call(() -> fetch(batch, attempt));
            lock.lock();
            try {
                batch.arrived(tensors);
            } finally {
                lock.unlock();
            }
        } catch (MeshException e) {
            retryOrFail(batch, attempt, e);
        } catch (Exception | OutOfMemoryError e) {
            LOG.error("Fetch failed batch=" + attempt.reference().getBatchId(), e);
            retryOrFail(
                    batch,
                    attempt,
                    new MeshException(ErrorReason.INTERNAL, "fetch failed: " + e, Map.of(), e));
        } finally {
            attempt.context().cancel(null);
        }
    }

    private Map<String, Tensor> fetch(PendingBatch batch, PendingBatch.Attempt attempt) {
        BatchReference reference = attempt.reference();
        TensorSlab slab = attempt.slab();
        slab.clear();
        Map<String, Tensor> tensors =
                source.fetch(
                        reference.getAddress(),
                        FetchBatchRequest.newBuilder()
                                .setBatchId(reference.getBatchId())
                                .setEpoch(attempt.epoch())
                                .addAllTensors(batch.needs().names())
                                .build(),
                        batch.slabBytes(),
                        slab::take);
        batch.needs().check(reference.getBatchId(), tensors, reference.getSampleCount());
        long bytes = 0;
        for (Tensor tensor : tensors.values()) {
            bytes += tensor.description().getSizeBytes();
        }
        meters.fetched(bytes);
        return tensors;
    }

    private void retryOrFail(
            PendingBatch batch, PendingBatch.Attempt attempt, MeshException found) {
        lock.lock();
        try {
            if (batch.endAttempt()) {
                return;
            }
            if (batch.replacedSince(attempt)) {
                schedule(batch, Duration.ZERO);
                return;
            }
            MeshException failure = ErrorStatuses.fromServer(found);
            meters.fetchFailed(failure.reason());
            if (failure.reason().retry() == Retry.NEVER
                    || failure.reason().retry() == Retry.AFTER_OPERATOR) {
                batch.failed(failure);
                return;
            }
            long failing = batch.failingNanos(nanoClock.getAsLong());
            if (failing >= settings.batchTimeout().toNanos()) {
                batch.failed(unavailable(attempt.reference(), failure));
                return;
            }
            LOG.debugf(
                    "Fetch failed, trying again batch=%s address=%s reason=%s: %s",
                    attempt.reference().getBatchId(),
                    attempt.reference().getAddress(),
                    failure.reason(),
                    failure.getMessage());
            schedule(batch, batch.nextDelay());
        } finally {
            lock.unlock();
        }
    }

    private MeshException unavailable(BatchReference reference, MeshException failure) {
        return new MeshException(
                ErrorReason.BATCH_UNAVAILABLE,
                "batch cannot be fetched: batch="
                        + reference.getBatchId()
                        + ", address="
                        + reference.getAddress()
                        + ", tried for="
                        + settings.batchTimeout()
                        + ", last="
                        + failure.reason()
                        + ": "
                        + failure.getMessage(),
                Map.of(
                        "batch",
                        reference.getBatchId(),
                        "address",
                        reference.getAddress(),
                        "last",
                        failure.reason().name()),
                failure);
    }
}
