package io.abmesh.coordinator.cluster.process;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * Deployment settings of a coordinator on a cluster. Which API server and as whom is said by the
 * pod's service account, or by a kubeconfig file that {@code KUBECONFIG} names.
 */
@ConfigMapping(prefix = "abmesh.cluster")
public interface ClusterConfig {
    /** Whether the coordinator is an operator. */
    @WithDefault("false")
    boolean enabled();

    /** Where runs are; absent: the namespace of the pod. */
    Optional<String> namespace();

    /**
     * Name of this process among those that might act, which no other has at any time; absent: the
     * name of the pod, which is the host's, and a random part.
     */
    Optional<String> identity();

    /** {@code host:port} under which workers reach this coordinator. */
    @WithDefault("abmesh-coordinator:7700")
    String coordinatorAddress();

    /** What workers run. */
    Images images();

    /** Images of workers; all are needed on a cluster. */
    interface Images {
        /** Image of student-workers. */
        Optional<String> student();

        /** Image of teacher-workers. */
        Optional<String> teacher();

        /** Image of student-workers with GPUs. */
        Optional<String> studentCuda();

        /** Image of teacher-workers with GPUs. */
        Optional<String> teacherCuda();
    }

    /** Where this process sees the data sets and teachers that plans name with relative paths. */
    @WithDefault("/data")
    Path dataDirectory();

    /** Claim with them, which teachers mount too; absent: only what is built in can be learned. */
    Optional<String> dataClaim();

    /**
     * Secret with the environment of an object store ({@code AWS_ACCESS_KEY_ID}, {@code
     * AWS_SECRET_ACCESS_KEY}, {@code AWS_REGION}, {@code AWS_ENDPOINT_URL_S3}), which teachers get
     * whose model lies there; absent: they get none.
     */
    Optional<String> objectsSecret();

    /** Claim of this process' own volume, which statuses name as the place of results. */
    @WithDefault("store-abmesh-coordinator-0")
    String storeClaim();

    /** Priority class of workers; absent: the cluster's default. */
    Optional<String> priorityClass();

    /**
     * Between two looks at a run that goes on. Shorter shows progress and demand sooner and asks
     * the API server more. 100 ms to 1 h.
     */
    @WithDefault("5s")
    Duration period();

    /**
     * Time after which another process may take over from one that is cut off or was killed; 1 s to
     * 1 h.
     */
    @WithDefault("15s")
    Duration lease();

    /**
     * How long a certificate is valid; it is replaced at two thirds. Shorter is less use to who
     * steals one; at least an hour.
     */
    @WithDefault("720h")
    Duration certificateLife();

    /** How long the API server may take to answer; 1 s to 1 h. */
    @WithDefault("10s")
    Duration requestTimeout();
}
