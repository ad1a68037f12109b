package io.abmesh.coordinator.page;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.abmesh.coordinator.run.RunRecord;
import io.abmesh.coordinator.store.RunStore;
import java.io.IOException;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;

/**
 * Traces of the runs that were looked at lately. When they take more memory than they may, the one
 * that nobody has looked at for longest goes, and is read from its journal when it is wanted again;
 * the last one stays whatever it takes. Thread-safe; readers of different runs wait for each other
 * only while a trace is found.
 */
final class RunTraces {
    private static final class Kept {
        private final RunTrace trace;
        private long sizeBytes;

        Kept(RunTrace trace) {
            this.trace = trace;
        }
    }

    private final long maxBytes;
    private final Object lock = new Object();

    /** From the one looked at longest ago to the last. */
    @GuardedBy("lock")
    private final Map<String, Kept> kept = new LinkedHashMap<>(16, 0.75f, true);

    /**
     * Starts with none.
     *
     * @param maxBytes memory that they may take together
     */
    RunTraces(long maxBytes) {
        this.maxBytes = maxBytes;
    }

    /**
     * Shows the trace of a run as it is now; it is not to be kept.
     *
     * @throws io.abmesh.proto.error.MeshException STORE_FULL if the journal cannot be read
     */
    <T> T show(RunRecord record, Function<RunTrace, T> reader) {
        Kept one;
        synchronized (lock) {
            one =
                    kept.computeIfAbsent(
                            record.folder().runId(),
                            id -> new Kept(new RunTrace(record.folder().plan().plan())));
        }
        synchronized (one) {
            try {
                one.trace.catchUp(record.journal());
            } catch (IOException e) {
                throw RunStore.unusable(record.folder().folder(), e);
            }
            long sizeBytes = one.trace.sizeBytes();
            T shown = reader.apply(one.trace);
            evict(one, sizeBytes);
            return shown;
        }
    }

    private void evict(Kept newest, long sizeBytes) {
        synchronized (lock) {
            newest.sizeBytes = sizeBytes;
            long total = kept.values().stream().mapToLong(one -> one.sizeBytes).sum();
            Iterator<Kept> oldest = kept.values().iterator();
            while (total > maxBytes && kept.size() > 1) {
                total -= oldest.next().sizeBytes;
                oldest.remove();
            }
        }
    }

    /** Returns the number of traces in memory. */
    int size() {
        synchronized (lock) {
            return kept.size();
        }
    }
}
