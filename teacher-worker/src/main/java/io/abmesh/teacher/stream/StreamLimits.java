package io.abmesh.teacher.stream;

import java.time.Duration;

/**
 * Bounds of what streams may take.
 *
 * @param maxStreams streams at a time, at least 1
 * @param heldBytes bytes of batches on their way or held, over all streams; each stream gets its
 *     share as credit
 * @param chunkSize samples of one forward pass at most
 * @param stallTimeout how long a client may keep a stream waiting in the middle of something
 */
public record StreamLimits(int maxStreams, long heldBytes, int chunkSize, Duration stallTimeout) {
    /** Credit of one stream, in bytes. */
    public long streamBytes() {
        return heldBytes / maxStreams;
    }
}
