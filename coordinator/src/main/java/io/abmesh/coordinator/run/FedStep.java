package io.abmesh.coordinator.run;

import io.abmesh.proto.trace.StepTracing;
import io.abmesh.proto.v1.BatchReady;
import io.abmesh.proto.v1.BatchReference;
import io.abmesh.proto.v1.TapFirings;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.StatusCode;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A step on its way: where each of its micro-batches can be fetched, and what it took. On the
 * coordinator's loop.
 */
final class FedStep {
    private final @Nullable BatchReference[] ready;

    /** How the teacher's taps fire in each micro-batch, where that was asked for. */
    private final Map<Integer, List<TapFirings>> firings = new TreeMap<>();

    private final Span span;
    private boolean assigned;
    private int cached;
    private int computed;

    FedStep(int microBatches, Span span) {
        this.ready = new BatchReference[microBatches];
        this.span = span;
    }

    /** A micro-batch can be fetched. */
    void ready(int microBatch, BatchReference reference) {
        ready[microBatch] = reference;
    }

    /** A teacher answered a micro-batch, which can be fetched there. */
    void answered(int microBatch, BatchReference reference, BatchReady answer) {
        ready(microBatch, reference);
        cached += answer.getCachedCount();
        computed += answer.getComputedCount();
        if (answer.getFiringsCount() > 0) {
            firings.put(microBatch, answer.getFiringsList());
        }
    }

    /** A micro-batch was lost with its teacher. */
    void lost(int microBatch) {
        ready[microBatch] = null;
    }

    /** Returns whether every micro-batch can be fetched. */
    boolean complete() {
        return part(new StudentGroup.Share(0, ready.length)).isPresent();
    }

    /** Returns the micro-batches of a share, in order; nothing unless each can be fetched. */
    Optional<List<BatchReference>> part(StudentGroup.Share share) {
        List<BatchReference> part = new ArrayList<>();
        for (int micro = share.first(); micro < share.end(); micro++) {
            BatchReference reference = ready[micro];
            if (reference == null) {
                return Optional.empty();
            }
            part.add(reference);
        }
        return Optional.of(part);
    }

    /** Returns how the taps fire in each micro-batch; nothing until all have told. */
    Optional<Collection<List<TapFirings>>> firings() {
        return firings.size() == ready.length ? Optional.of(firings.values()) : Optional.empty();
    }

    /** The students are told of it. */
    void assign() {
        assigned = true;
    }

    /** Returns whether the students were told of it. */
    boolean assigned() {
        return assigned;
    }

    /** Returns the samples that a teacher's cache answered. */
    int cached() {
        return cached;
    }

    /** Returns the samples that a teacher computed. */
    int computed() {
        return computed;
    }

    /** Returns what spans of it are children of; empty if it is not traced. */
    String traceParent() {
        return StepTracing.traceParent(span);
    }

    /** It is committed, or not needed any more. */
    void end() {
        span.end();
    }

    /** It will be begun anew in another epoch. */
    void abandon() {
        span.setStatus(StatusCode.ERROR, "begun anew").end();
    }
}
