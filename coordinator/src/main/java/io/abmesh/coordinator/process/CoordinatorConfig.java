package io.abmesh.coordinator.process;

import io.quarkus.runtime.configuration.MemorySize;
import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalInt;

/** Deployment settings of a coordinator; what to learn is in plans. */
@ConfigMapping(prefix = "abmesh.coordinator")
public interface CoordinatorConfig {
    /** Interface that gRPC listens at. */
    @WithDefault("127.0.0.1")
    String host();

    /** Name or address that workers reach this process at; {@code host} if absent. */
    Optional<String> advertisedHost();

    /** Port of gRPC; 0 for any free one. */
    @WithDefault("0")
    @Min(0)
    @Max(65535)
    int grpcPort();

    /**
     * Folder with {@code tls.crt}, {@code tls.key} and {@code ca.crt}, which name this process a
     * coordinator, read again when they change; absent: plain text, on loopback only. On a cluster
     * it is issued by the process itself.
     */
    Optional<Path> tlsDirectory();

    /** Where runs are kept; one coordinator at a time holds it. */
    Path storeDirectory();

    /**
     * Where data sets of an object store are kept once they are fetched; absent: the folder that
     * all programs of a user share, {@code ~/.cache/abmesh/objects}.
     */
    Optional<Path> objectCacheDirectory();

    /**
     * Bytes that they take at most; absent: {@value io.abmesh.objects.ObjectCache#MAX_BYTES}. More
     * fetches less often again what was not used for a while.
     */
    Optional<MemorySize> objectCacheMaxSize();

    /**
     * Where results go when a run has ended, {@code s3://BUCKET/PREFIX}; absent: they stay in the
     * store directory alone.
     */
    Optional<String> resultsLocation();

    /** Written once the process serves, with its ports; absent: not written. */
    Optional<Path> readyFile();

    /** Most runs in progress at a time: {@value}. */
    int MOST_PARALLEL_RUNS = 64;

    /** Runs in progress at a time, of a coordinator that is no operator: {@value}. */
    int PARALLEL_RUNS = 1;

    /** Runs in progress at a time, of an operator, which makes workers for each: {@value}. */
    int PARALLEL_RUNS_OF_A_CLUSTER = 8;

    /**
     * Runs in progress at a time, each with workers of its own; further ones wait in the order of
     * their submission. More needs more workers, and memory and cores here; at most {@value
     * #MOST_PARALLEL_RUNS}. Absent: {@value #PARALLEL_RUNS}, on a cluster {@value
     * #PARALLEL_RUNS_OF_A_CLUSTER}.
     */
    OptionalInt maxParallelRuns();

    /**
     * Memory for batches between their rendering and the network, at least a megabyte. Runs that
     * stream share it equally. Less makes streams wait for each other.
     */
    @WithDefault("256M")
    MemorySize batchMemory();

    /**
     * Silence after which a worker is lost. Shorter notices a dead one sooner; longer forgives
     * pauses.
     */
    @WithDefault("15s")
    Duration lease();

    /** Test images of one evaluation batch. */
    @WithDefault("256")
    @Min(1)
    @Max(4096)
    int evaluationBatch();

    /** How long a teacher may take to describe itself. */
    @WithDefault("30s")
    Duration describeDeadline();

    /** How long a peer may refuse to read before its stream is given up. */
    @WithDefault("60s")
    Duration stallTimeout();

    /**
     * How long a student may take to say where it stands in a run, which can include the end of a
     * micro-batch and the reading of a checkpoint. Who takes longer is not waited for until it
     * answers.
     */
    @WithDefault("1m")
    Duration positionDeadline();

    /**
     * How long a student that leads may get nothing done while its evaluation, checkpoint or result
     * is waited for: none of its batches, files and uploaded chunks, however long the whole takes.
     * Then the others go on without it. Longer than the writing of one checkpoint and the export of
     * one file on a slow disk.
     *
     * <p>Also how long a teacher may answer none of the micro-batches that it owes before they go
     * to another. Longer than it computes one.
     */
    @WithDefault("5m")
    Duration progressDeadline();

    /**
     * Steps of which one is traced, where OpenTelemetry's variables name an endpoint: 1 traces
     * each.
     */
    @WithDefault("100")
    @Min(1)
    int traceEverySteps();

    /** How long open calls may go on when the process stops. */
    @WithDefault("2s")
    Duration stopGrace();
}
