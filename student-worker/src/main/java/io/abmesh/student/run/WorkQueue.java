package io.abmesh.student.run;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.log.LogContext;
import io.abmesh.proto.v1.BatchReference;
import io.abmesh.proto.v1.EvaluationAssignment;
import io.abmesh.proto.v1.RunBegin;
import io.abmesh.proto.v1.RunRoster;
import io.abmesh.proto.v1.StepAssignment;
import io.abmesh.proto.v1.WorkResponse;
import io.abmesh.student.exchange.Roster;
import io.abmesh.student.exchange.StudentExchanges;
import io.abmesh.student.fetch.BatchPrefetcher;
import io.abmesh.student.fetch.PendingBatch;
import io.abmesh.student.fetch.TensorNeeds;
import io.abmesh.student.session.WorkListener;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * What the coordinator has assigned and the compute thread has not done, in order. Batches begin to
 * be fetched when their assignment arrives. An assignment that comes again while it is pending has
 * new addresses for the same batches, which take the place of the old ones. Thread-safe; one
 * consumer.
 */
final class WorkQueue implements WorkListener {
    /**
     * Assignments that a coordinator may have under way, whatever {@code prefetch} was: {@value}.
     */
    static final int MAX_PENDING = 1024;

    private final BatchPrefetcher prefetcher;
    private final StudentExchanges exchanges;
    private final long maxStepBytes;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final CompletableFuture<MeshException> refusal = new CompletableFuture<>();

    @GuardedBy("lock")
    private final Deque<Work> pending = new ArrayDeque<>();

    @GuardedBy("lock")
    private @Nullable Work current;

    @GuardedBy("lock")
    private @Nullable RunPlan plan;

    @GuardedBy("lock")
    private boolean stopped;

    /**
     * Makes an empty queue.
     *
     * @param exchanges whose epochs end when a new one begins; borrowed
     * @param maxStepBytes memory of the prefetcher, which a step's micro-batches must fit together
     */
    WorkQueue(BatchPrefetcher prefetcher, StudentExchanges exchanges, long maxStepBytes) {
        this.prefetcher = prefetcher;
        this.exchanges = exchanges;
        this.maxStepBytes = maxStepBytes;
    }

    /** Completes when the coordinator refuses this worker for good. */
    CompletableFuture<MeshException> refusal() {
        return refusal;
    }

    @Override
    public void received(WorkResponse message) {
        context(message).during(() -> take(message));
    }

    /** What is fetched for a step is logged as of that step. */
    private static LogContext context(WorkResponse message) {
        LogContext worker = LogContext.current();
        return switch (message.getMessageCase()) {
            case STEP -> worker.run(message.getStep().getRunId()).step(message.getStep().getStep());
            case EVALUATE ->
                    worker.run(message.getEvaluate().getRunId())
                            .step(message.getEvaluate().getEvaluationId());
            default -> worker;
        };
    }

    private void take(WorkResponse message) {
        lock.lock();
        try {
            if (stopped) {
                return;
            }
            if (pending.size() >= MAX_PENDING) {
                throw protocol("too many assignments: expected at most=" + MAX_PENDING);
            }
            switch (message.getMessageCase()) {
                case BEGIN -> begin(message.getBegin(), message.getEpoch());
                case ROSTER -> roster(message.getRoster(), message.getEpoch());
                case STEP -> step(message.getStep(), message.getEpoch());
                case EVALUATE -> evaluate(message.getEvaluate(), message.getEpoch());
                case CHECKPOINT -> add(new Work.Checkpoint(message.getCheckpoint().getRunId()));
                case TRACK_END ->
                        add(
                                new Work.EndTrack(
                                        message.getTrackEnd().getRunId(),
                                        message.getTrackEnd().getTrack()));
                case END -> end(message.getEnd().getRunId());
                case ACCEPTED, HEARTBEAT, MESSAGE_NOT_SET -> {
                    // Of no concern here; a message of a later version has no case.
                }
            }
        } finally {
            lock.unlock();
        }
    }

    /** Forgets what is not begun; the work in hand goes on, its batches may well come. */
    @Override
    public void lost() {
        lock.lock();
        try {
            dropPending();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void refused(MeshException reason) {
        refusal.complete(reason);
    }

    /** Waits for the next thing to do; nothing when the worker is stopping. */
    Optional<Work> take() throws InterruptedException {
        lock.lockInterruptibly();
        try {
            current = null;
            while (pending.isEmpty() && !stopped) {
                changed.await();
            }
            current = stopped ? null : pending.removeFirst();
            return Optional.ofNullable(current);
        } finally {
            lock.unlock();
        }
    }

    /** Takes nothing more and forgets what is not begun. */
    void stop() {
        lock.lock();
        try {
            stopped = true;
            dropPending();
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Gives up what the work in hand still waits for: batches, and other students. */
    void abandonCurrent() {
        lock.lock();
        try {
            if (current != null) {
                current.batches().forEach(PendingBatch::abandon);
                exchanges.abandon();
            }
        } finally {
            lock.unlock();
        }
    }

    @GuardedBy("lock")
    private void begin(RunBegin begin, long epoch) {
        // Whatever is pending or in hand was assigned before: it will be assigned again.
        dropPending();
        exchanges.retire(epoch);
        abandonCurrent();
        try {
            RunPlan next = RunPlan.of(begin);
            plan = next;
            add(new Work.Begin(next, epoch));
        } catch (MeshException e) {
            plan = null;
            add(new Work.Refuse(begin.getRunId(), epoch, e));
        }
    }

    @GuardedBy("lock")
    private void roster(RunRoster roster, long epoch) {
        RunPlan of = planOf(roster.getRunId());
        if (of != null) {
            add(new Work.Gather(Roster.of(roster, epoch, of.microBatches())));
        }
    }

    /**
     * A run that ends early has let its batches go, and its students: nobody would ever serve them.
     */
    @GuardedBy("lock")
    private void end(String runId) {
        exchanges.abandon();
        for (Work work : unfinished()) {
            if (work.runId().equals(runId)) {
                work.batches().forEach(PendingBatch::abandon);
            }
        }
        pending.removeIf(
                work ->
                        work.runId().equals(runId)
                                && (work instanceof Work.Gather || !work.batches().isEmpty()));
        add(new Work.End(runId));
    }

    @GuardedBy("lock")
    private void step(StepAssignment assignment, long epoch) {
        RunPlan of = planOf(assignment.getRunId());
        if (of == null) {
            return;
        }
        for (Work work : unfinished()) {
            if (work instanceof Work.Step same
                    && same.runId().equals(assignment.getRunId())
                    && same.assignment().getStep() == assignment.getStep()) {
                replace(same.batches(), assignment.getMicroBatchesList(), epoch);
                return;
            }
        }
        PlannedPhase phase =
                of.phaseOf(assignment.getStep())
                        .orElseThrow(
                                () ->
                                        protocol(
                                                "step is of no phase: step="
                                                        + assignment.getStep()));
        long bytes = 0;
        for (BatchReference reference : assignment.getMicroBatchesList()) {
            bytes += phase.needs().slabBytes(reference.getSampleCount());
        }
        if (bytes > maxStepBytes) {
            add(new Work.Refuse(assignment.getRunId(), epoch, tooLarge(bytes)));
            return;
        }
        add(
                new Work.Step(
                        assignment,
                        phase,
                        fetch(assignment.getMicroBatchesList(), epoch, phase.needs())));
    }

    @GuardedBy("lock")
    private void evaluate(EvaluationAssignment assignment, long epoch) {
        RunPlan of = planOf(assignment.getRunId());
        if (of == null) {
            return;
        }
        for (Work work : unfinished()) {
            if (work instanceof Work.Evaluate same
                    && same.runId().equals(assignment.getRunId())
                    && same.assignment().getEvaluationId() == assignment.getEvaluationId()) {
                replace(same.batches(), assignment.getBatchesList(), epoch);
                return;
            }
        }
        add(
                new Work.Evaluate(
                        assignment,
                        fetch(assignment.getBatchesList(), epoch, of.evaluationNeeds())));
    }

    private List<PendingBatch> fetch(
            List<BatchReference> references, long epoch, TensorNeeds needs) {
        List<PendingBatch> batches = new ArrayList<>();
        for (BatchReference reference : references) {
            batches.add(prefetcher.submit(reference, epoch, needs));
        }
        return batches;
    }

    private static void replace(
            List<PendingBatch> batches, List<BatchReference> references, long epoch) {
        if (batches.size() != references.size()) {
            throw protocol(
                    "assignment came again with another number of batches: found="
                            + references.size()
                            + ", expected="
                            + batches.size());
        }
        for (int i = 0; i < batches.size(); i++) {
            if (batches.get(i).sampleCount() != references.get(i).getSampleCount()) {
                throw protocol(
                        "batch came again with another size: batch="
                                + references.get(i).getBatchId()
                                + ", found="
                                + references.get(i).getSampleCount()
                                + ", expected="
                                + batches.get(i).sampleCount());
            }
        }
        for (int i = 0; i < batches.size(); i++) {
            batches.get(i).replace(references.get(i), epoch);
        }
    }

    @GuardedBy("lock")
    private @Nullable RunPlan planOf(String runId) {
        RunPlan known = plan;
        return known != null && known.runId().equals(runId) ? known : null;
    }

    @GuardedBy("lock")
    private List<Work> unfinished() {
        List<Work> unfinished = new ArrayList<>(pending);
        if (current != null) {
            unfinished.add(Objects.requireNonNull(current));
        }
        return unfinished;
    }

    @GuardedBy("lock")
    private void add(Work work) {
        pending.addLast(work);
        changed.signalAll();
    }

    @GuardedBy("lock")
    private void dropPending() {
        for (Iterator<Work> dropped = pending.iterator(); dropped.hasNext(); ) {
            dropped.next().batches().forEach(PendingBatch::abandon);
            dropped.remove();
        }
    }

    private MeshException tooLarge(long bytes) {
        return new MeshException(
                ErrorReason.MESSAGE_TOO_LARGE,
                "tensors of a step exceed abmesh.student.prefetch-memory: found="
                        + bytes
                        + " bytes, expected at most="
                        + maxStepBytes,
                Map.of());
    }

    private static MeshException protocol(String message) {
        return new MeshException(ErrorReason.STREAM_PROTOCOL, message);
    }
}
