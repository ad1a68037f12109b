package io.abmesh.teacher.cache;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Keeps nothing. */
enum NoCache implements BoundaryCache {
    INSTANCE;

    @Override
    public byte @Nullable [] get(CacheKey key) {
        return null;
    }

    @Override
    public void putAll(List<Map.Entry<CacheKey, byte[]>> values, Admission admission) {}

    @Override
    public long sizeBytes() {
        return 0;
    }

    @Override
    public void close() {}
}
