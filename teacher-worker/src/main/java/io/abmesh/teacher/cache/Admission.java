package io.abmesh.teacher.cache;

/** What new values may push out of a full cache. */
public enum Admission {
    /** What was used least recently. For values so small that a data set of them fits. */
    LEAST_RECENT,
    /**
     * Only what was not used since the cache was opened. For large values: of a data set that does
     * not fit, a part stays and serves every epoch, and the disk is not written over and over.
     */
    UNUSED
}
