package io.abmesh.student.fetch;

import java.time.Duration;

/**
 * Limits of fetching ahead.
 *
 * @param maxBytes bytes of tensors fetched or being fetched, at least one micro-batch
 * @param threads fetches at a time, at least 1
 * @param batchTimeout time from the first failed attempt until a batch is given up
 */
public record FetchSettings(long maxBytes, int threads, Duration batchTimeout) {
    public FetchSettings {
        if (maxBytes < 1 || threads < 1 || batchTimeout.isNegative()) {
            throw new IllegalArgumentException(
                    "fetch settings: maxBytes="
                            + maxBytes
                            + ", threads="
                            + threads
                            + ", batchTimeout="
                            + batchTimeout);
        }
    }
}
