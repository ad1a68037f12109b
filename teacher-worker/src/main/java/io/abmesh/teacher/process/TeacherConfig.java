package io.abmesh.teacher.process;

import io.quarkus.runtime.configuration.MemorySize;
import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Deployment settings of a teacher-worker. What it computes is said by the streams that clients
 * open.
 */
@ConfigMapping(prefix = "abmesh.teacher")
public interface TeacherConfig {
    /**
     * Model file: ONNX, DL4J archive or Keras HDF5; a path, or {@code s3://BUCKET/KEY} in an object
     * store.
     */
    String model();

    /**
     * Where a model of an object store is kept once it is fetched; absent: the folder that all
     * programs of a user share, {@code ~/.cache/abmesh/objects}.
     */
    Optional<Path> objectCacheDirectory();

    /**
     * Bytes that models take there at most; absent: {@value
     * io.abmesh.objects.ObjectCache#MAX_BYTES}. More fetches less often again what was not used for
     * a while.
     */
    Optional<MemorySize> objectCacheMaxSize();

    /** Allows a DL4J archive, whose format names Java classes. */
    @WithDefault("false")
    boolean trusted();

    /** Interface that the gRPC server listens at. */
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
     * Folder with `tls.crt`, `tls.key` and `ca.crt`, which name this worker a teacher of its run,
     * read again when they change; absent: plain text, on loopback only.
     */
    Optional<Path> tlsDirectory();

    /** The coordinator's `host:port`; absent: stands alone and serves whoever calls. */
    Optional<String> coordinatorAddress();

    /** Name that survives a restart; also the name of its own folder in the cache directory. */
    @WithDefault("teacher-0")
    String workerId();

    /**
     * Request of the run that this worker is for, on Kubernetes the uid of its resource; absent: it
     * is lent to whichever run needs one. With TLS it has to be the run of the certificate.
     */
    Optional<String> run();

    /**
     * Threads of one forward pass; absent: half of the processors, at least one, since on a laptop
     * the student computes beside it. More makes a batch come sooner and takes from the student.
     */
    OptionalInt engineThreads();

    /**
     * Images of one forward pass at most. More is a little faster and takes memory in proportion.
     */
    @WithDefault("32")
    @Min(1)
    @Max(4096)
    int chunkSize();

    /** Streams at a time. Each gets an equal share of `held-memory` as its credit. */
    @WithDefault("4")
    @Min(1)
    @Max(1024)
    int maxStreams();

    /**
     * Bytes of batches on their way or held, over all streams; on the Java heap. More lets a
     * student fall further behind.
     */
    @WithDefault("512M")
    MemorySize heldMemory();

    /**
     * Whether to refuse to work where the model would not be computed on a GPU; the image with CUDA
     * says so. Models in ONNX are computed on the processor.
     */
    @WithDefault("false")
    boolean requireGpu();

    /** Folder of the boundary cache; absent: none. */
    Optional<Path> cacheDirectory();

    /** Bytes that the boundary cache takes on disk at most. */
    @WithDefault("2G")
    MemorySize cacheMaxSize();

    /**
     * How long a client may leave a fetch unread, or a stream waiting before it opens it, within a
     * batch or with its answers unread, before it is given up.
     */
    @WithDefault("PT30S")
    Duration stallTimeout();

    /** How long calls may last after the worker was told to stop. */
    @WithDefault("PT5S")
    Duration stopGrace();

    /** File that is written once the worker serves: role, process id and ports as JSON. */
    Optional<Path> readyFile();
}
