package io.abmesh.student.process;

import io.quarkus.runtime.configuration.MemorySize;
import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalInt;

/** Deployment settings of a student-worker. What it learns is said by the runs it is given. */
@ConfigMapping(prefix = "abmesh.student")
public interface StudentConfig {
    /** The coordinator's {@code host:port}; it may start later than this worker. */
    String coordinatorAddress();

    /** Name that survives a restart. */
    @WithDefault("student-0")
    String workerId();

    /**
     * Request of the run that this worker is for, on Kubernetes the uid of its resource; absent: it
     * is lent to whichever run needs one. With TLS it has to be the run of the certificate.
     */
    Optional<String> run();

    /** Interface that the gRPC server (health, and what other students ask) listens at. */
    @WithDefault("127.0.0.1")
    String host();

    /** Port of the gRPC server; 0: any free one, which the ready file tells. */
    @WithDefault("0")
    @Min(0)
    @Max(65_535)
    int grpcPort();

    /** Host under which others reach this worker; absent: where it listens. */
    Optional<String> advertisedHost();

    /**
     * Folder with {@code tls.crt}, {@code tls.key} and {@code ca.crt}, which name this worker a
     * student of its run, read again when they change; absent: plain text, on loopback only.
     */
    Optional<Path> tlsDirectory();

    /**
     * Where checkpoints are written; must be on one filesystem, since they are published by rename.
     * Serves one run at a time.
     */
    Path checkpointDirectory();

    /** Newest checkpoints that stay. More takes disk and survives more damage. */
    @WithDefault("2")
    @Min(1)
    @Max(1000)
    int checkpointsKept();

    /** Where the exported student is written; absent: {@code export} in the checkpoint folder. */
    Optional<Path> exportDirectory();

    /**
     * Unanswered assignments that the coordinator may have under way here. More hides the jitter of
     * teachers; each costs one batch of memory here and at the teacher.
     */
    @WithDefault("4")
    @Min(1)
    @Max(64)
    int prefetch();

    /** Direct memory for fetched tensors; must hold at least one step. */
    @WithDefault("256M")
    MemorySize prefetchMemory();

    /** Fetches at a time. */
    @WithDefault("2")
    @Min(1)
    @Max(64)
    int fetchThreads();

    /** Deadline of one attempt to fetch a micro-batch. */
    @WithDefault("30s")
    Duration fetchDeadline();

    /**
     * How long a micro-batch may be unavailable before its step is given up, with
     * BATCH_UNAVAILABLE, and done in another epoch, from wherever the batch is then.
     */
    @WithDefault("2m")
    Duration batchTimeout();

    /**
     * How long another student may take for its part of a step, or for its state. Longer than
     * {@link #batchTimeout}, so that what is wrong with a batch is named first. A student that dies
     * is noticed by its connection, and one that hangs by the coordinator's lease, long before.
     */
    @WithDefault("3m")
    Duration peerTimeout();

    /**
     * Compute threads; absent: all processors. The same number gives the same bits: a run must be
     * resumed with the number it began with.
     */
    OptionalInt threads();

    /**
     * Whether to refuse to work where ND4J has no GPU that it computes on, instead of computing on
     * the processor; the image with CUDA says so.
     */
    @WithDefault("false")
    boolean requireGpu();

    /** Commit that the program was built from; reports carry it. */
    Optional<String> commit();

    /**
     * How long the worker may take to leave after it was told to stop: half of it, but five seconds
     * at most, for the step in hand to end, the rest for a last checkpoint. Who sends the signal
     * should wait some seconds longer before it kills.
     */
    @WithDefault("8s")
    Duration stopGrace();

    /** File that is written once the worker serves: role, process id and ports as JSON. */
    Optional<Path> readyFile();
}
