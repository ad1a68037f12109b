package io.abmesh.proto.transport;

import java.time.Duration;

/**
 * Limits that both ends of every connection share. They belong to the contract: a peer may rely on
 * them.
 */
public final class Limits {
    /**
     * Largest message that a server or client takes, in bytes: {@value}. A frame with its payload
     * of 1 MiB fits four times.
     */
    public static final int MAX_MESSAGE_BYTES = 4 << 20;

    /**
     * Bytes that HTTP/2 lets a peer send on a stream, and on all streams of a connection together,
     * before the other reads: {@value} at first. Where more arrives within a round trip, gRPC lets
     * the window grow to as much as 8 MiB.
     */
    public static final int FLOW_CONTROL_WINDOW_BYTES = 1 << 20;

    /**
     * Bytes queued in a call below which it counts as ready for more: {@value}. gRPC's own value of
     * 32 KiB would leave the wire idle between frames of 1 MiB.
     */
    public static final int READY_THRESHOLD_BYTES = 1 << 20;

    /**
     * Largest block of headers or trailers, in bytes: {@value}; holds an error with many field
     * violations.
     */
    public static final int MAX_METADATA_BYTES = 64 << 10;

    /** Calls of one connection at a time: {@value}. */
    public static final int MAX_CALLS_PER_CONNECTION = 128;

    /**
     * Batches that a client of StreamBatches may have announced and not released: {@value}. What a
     * batch takes beside its tensors is not part of its cost.
     */
    public static final int MAX_BATCHES_PER_STREAM = 4096;

    /** Longest name of a batch, in bytes of UTF-8: {@value}. */
    public static final int MAX_BATCH_ID_BYTES = 512;

    /** Silence after which a peer is pinged. */
    public static final Duration KEEPALIVE_TIME = Duration.ofSeconds(30);

    /** Time for the answer to a ping, after which the connection is given up. */
    public static final Duration KEEPALIVE_TIMEOUT = Duration.ofSeconds(10);

    private Limits() {}
}
