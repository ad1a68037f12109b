package io.abmesh.coordinator.cluster.desired;

import static java.util.Objects.requireNonNull;

import java.util.Optional;

/**
 * What all runs of a coordinator share.
 *
 * @param namespace of coordinator and runs
 * @param coordinatorAddress {@code host:port} under which workers reach the coordinator
 * @param images what workers run unless a run says otherwise
 * @param dataClaim claim with data sets and teachers, mounted at {@value #DATA}; empty: none
 * @param objects how an object store is reached
 * @param collector where traces go; empty: nowhere
 * @param priorityClass of workers; empty: the cluster's default
 * @param level what the API server knows
 */
public record Surroundings(
        String namespace,
        String coordinatorAddress,
        Images images,
        Optional<String> dataClaim,
        Objects objects,
        Optional<Collector> collector,
        Optional<String> priorityClass,
        ApiLevel level) {
    /** Where data sets and teachers are mounted, in the coordinator and in teachers: {@value}. */
    public static final String DATA = "/data";

    /** Images by role, each with a variant for GPUs. */
    public record Images(String student, String teacher, String studentCuda, String teacherCuda) {}

    /**
     * How an object store is reached by teachers whose model lies there.
     *
     * @param secret Secret with the environment that names the store and who may enter; empty: none
     * @param port where the store listens, wherever it is
     */
    public record Objects(Optional<String> secret, int port) {}

    /**
     * Takes traces.
     *
     * @param endpoint its address, for the workers' environment
     * @param port where it listens, wherever it is
     */
    public record Collector(String endpoint, int port) {}

    public Surroundings {
        requireNonNull(namespace, "namespace");
        requireNonNull(coordinatorAddress, "coordinatorAddress");
    }
}
