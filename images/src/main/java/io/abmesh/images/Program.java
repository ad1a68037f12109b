package io.abmesh.images;

import io.abmesh.proto.process.NativeEnvironment;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What goes into an image of its own. */
enum Program {
    /** Decides who works on what; holds no tensors. */
    COORDINATOR("coordinator", 50, false),
    /** Turns images into boundaries; has the built-in teachers with it. */
    TEACHER("teacher-worker", 40, true),
    /** Trains; most of its memory lies outside of the heap. */
    STUDENT("student-worker", 20, false);

    private final String module;
    private final int heapPercent;
    private final boolean teachers;

    Program(String module, int heapPercent, boolean teachers) {
        this.module = module;
        this.heapPercent = heapPercent;
        this.teachers = teachers;
    }

    /** Folder of the checkout that builds it, and name of its image. */
    String module() {
        return module;
    }

    /**
     * Variables that the native libraries read, and that logs are for programs to read; where there
     * is CUDA, also that a GPU is required.
     */
    Map<String, String> environment(boolean cuda) {
        Map<String, String> variables =
                new TreeMap<>(
                        this == STUDENT ? NativeEnvironment.student() : NativeEnvironment.common());
        if (cuda) {
            variables.put("ABMESH_" + name() + "_REQUIRE_GPU", "true");
        }
        variables.put("ABMESH_LOG_FORMAT", "json");
        return variables;
    }

    /** Whether it has tensors, and so a variant for GPUs. */
    boolean computes() {
        return this != COORDINATOR;
    }

    /** Whether the built-in teachers are in the image. */
    boolean teachers() {
        return teachers;
    }

    /**
     * Returns the flags of the Java launcher: shares of the container's memory, which the operator
     * narrows for each pod.
     */
    List<String> flags() {
        return List.of(
                "-XX:MaxRAMPercentage=" + heapPercent,
                "-XX:+UseSerialGC",
                "-XX:+ExitOnOutOfMemoryError",
                // The root is read-only, and there is no home to unpack native libraries in.
                "-Dorg.bytedeco.javacpp.cachedir=/tmp/javacpp",
                "-Dquarkus.banner.enabled=false");
    }
}
