package io.abmesh.teacher.stream;

/**
 * Bounds of what streams may take.
 *
 * @param maxStreams streams at a time, at least 1
 * @param heldBytes bytes of batches on their way or held, over all streams; each stream gets its
 *     share as credit
 * @param chunkSize samples of one forward pass at most
 */
public record StreamLimits(int maxStreams, long heldBytes, int chunkSize) {
    /** Credit of one stream, in bytes. */
    public long streamBytes() {
        return heldBytes / maxStreams;
    }
}
