package io.abmesh.images;

import io.abmesh.proto.process.NativeEnvironment;
import java.util.List;
import java.util.Map;

/** What goes into an image of its own. */
enum Program {
    /** Decides who works on what; holds no tensors. */
    COORDINATOR("coordinator", NativeEnvironment.common(), 50, false),
    /** Turns images into boundaries; has the built-in teachers with it. */
    TEACHER("teacher-worker", NativeEnvironment.common(), 40, true),
    /** Trains; most of its memory lies outside of the heap. */
    STUDENT("student-worker", NativeEnvironment.student(), 20, false);

    private final String module;
    private final Map<String, String> environment;
    private final int heapPercent;
    private final boolean teachers;

    Program(String module, Map<String, String> environment, int heapPercent, boolean teachers) {
        this.module = module;
        this.environment = environment;
        this.heapPercent = heapPercent;
        this.teachers = teachers;
    }

    /** Folder of the checkout that builds it, and name of its image. */
    String module() {
        return module;
    }

    /** Variables that the native libraries read. */
    Map<String, String> environment() {
        return environment;
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
