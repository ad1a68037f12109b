package io.abmesh.proto.process;

import java.util.Map;
import java.util.TreeMap;

/**
 * Variables of the environment that the native libraries of a worker read before any of our code
 * runs. A starter of processes sets them unless the user has; images and pods carry them.
 *
 * <ul>
 *   <li>The threads of ND4J's operators (OpenMP) sleep between operators instead of spinning: the
 *       student's own kernels run there, on the same cores, and so do the other processes.
 *   <li>ONNX Runtime sends no telemetry. (Its telemetry also searches the command line with a stack
 *       that grows by the character.)
 *   <li>A student's C library keeps the memory that operators use for a moment; given back to the
 *       system, megabytes of it are cleared and mapped again by every convolution.
 * </ul>
 */
public final class NativeEnvironment {
    private NativeEnvironment() {}

    /** Returns the variables of every process of the mesh. */
    public static Map<String, String> common() {
        return Map.of("OMP_WAIT_POLICY", "passive", "ORT_DISABLE_TELEMETRY", "1");
    }

    /** Returns the variables of a student-worker. */
    public static Map<String, String> student() {
        Map<String, String> variables = new TreeMap<>(common());
        variables.put("MALLOC_ARENA_MAX", "1");
        variables.put("MALLOC_MMAP_THRESHOLD_", "1073741824");
        variables.put("MALLOC_TRIM_THRESHOLD_", "8589934592");
        variables.put("MALLOC_TOP_PAD_", "268435456");
        return variables;
    }
}
