package io.abmesh.cli.study;

/**
 * How many runs go side by side on a machine, and what each may take of it.
 *
 * @param count runs at a time, at least 1
 * @param threads compute threads of each student-worker; 0: as many as there are processors, which
 *     one run at a time gets
 */
record Lanes(int count, int threads) {

    /**
     * Memory that one run may take by the bounds of its processes: heaps and direct buffers of
     * coordinator and teacher-worker, and all of the student-worker.
     */
    static final long RUN_BYTES = (640L + 1792 + 9216) << 20;

    /**
     * Returns as many as were wanted, or fewer where cores or memory do not suffice.
     *
     * @param wanted runs at a time, at least 1
     */
    static Lanes of(int wanted, int processors, long memoryBytes) {
        long byMemory = memoryBytes / RUN_BYTES;
        int count = (int) Math.max(1, Math.min(Math.min(wanted, processors), byMemory));
        return new Lanes(count, count == 1 ? 0 : processors / count);
    }
}
