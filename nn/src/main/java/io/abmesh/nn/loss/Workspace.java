package io.abmesh.nn.loss;

/**
 * Arrays that a thread uses again for each sample: those fresh from the heap are cleared first, and
 * are in no cache. Each method's array is one; it has exactly the length that is asked for, its
 * contents are what was left there, and it is the caller's until the thread asks for it again.
 */
final class Workspace {
    private static final ThreadLocal<Workspace> OF_THREAD = ThreadLocal.withInitial(Workspace::new);

    private float[] responses = {};
    private float[] differences = {};
    private float[] agreements = {};
    private float[] rows = {};
    private short[] halves = {};

    private Workspace() {}

    static Workspace ofThread() {
        return OF_THREAD.get();
    }

    /** For what the teacher answers. */
    float[] responses(int length) {
        responses = sized(responses, length);
        return responses;
    }

    /** For what a loss compares. */
    float[] differences(int length) {
        differences = sized(differences, length);
        return differences;
    }

    /** For what a count compares. */
    float[] agreements(int length) {
        agreements = sized(agreements, length);
        return agreements;
    }

    /** For numbers on their way from the wire. */
    float[] rows(int length) {
        rows = sized(rows, length);
        return rows;
    }

    /** For halves on their way from the wire. */
    short[] halves(int length) {
        if (halves.length != length) {
            halves = new short[length];
        }
        return halves;
    }

    private static float[] sized(float[] array, int length) {
        return array.length == length ? array : new float[length];
    }
}
