package io.abmesh.teacher.cache;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Keeps tensors of views that were computed before. It may forget anything at any time and never
 * yields a wrong value.
 */
public interface BoundaryCache extends AutoCloseable {
    /** Returns a copy of the value, or null if it is not there. */
    byte @Nullable [] get(CacheKey key);

    /** Keeps the values if it can; never fails. The arrays are borrowed. */
    void putAll(List<Map.Entry<CacheKey, byte[]>> values, Admission admission);

    /** Bytes that it takes on disk. */
    long sizeBytes();

    @Override
    void close();

    /** Returns a cache that keeps nothing. */
    static BoundaryCache none() {
        return NoCache.INSTANCE;
    }
}
