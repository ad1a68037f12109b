package io.abmesh.coordinator.cluster.decision;

import java.util.List;

/**
 * How a worker's memory limit is shared by what takes memory in it, so that no part can grow until
 * the kernel kills the process.
 *
 * @param heapMebibytes Java heap
 * @param directMebibytes direct buffers, of gRPC and of fetched tensors
 * @param nativeMebibytes arrays that JavaCPP counts; 0 where there are none
 * @param limitMebibytes all of it
 */
public record WorkerMemory(
        long heapMebibytes, long directMebibytes, long nativeMebibytes, long limitMebibytes) {
    /** Least memory of a worker: {@value} MiB. */
    public static final int LEAST_MEBIBYTES = 2048;

    /** For code, stacks and the collector's own books: {@value} MiB. */
    private static final int RESERVED = 384;

    /** A student's tensors lie outside of the heap. */
    public static WorkerMemory student(long limitMebibytes) {
        long heap = limitMebibytes / 5;
        long direct = Math.max(384, limitMebibytes / 10);
        return new WorkerMemory(
                heap, direct, limitMebibytes - heap - direct - RESERVED, limitMebibytes);
    }

    /** A teacher holds batches on the heap; ONNX Runtime takes what is left over. */
    public static WorkerMemory teacher(long limitMebibytes) {
        return new WorkerMemory(limitMebibytes * 2 / 5, limitMebibytes / 5, 0, limitMebibytes);
    }

    /** Returns the flags of the Java launcher. */
    public List<String> flags() {
        List<String> heap =
                List.of(
                        "-Xmx" + heapMebibytes + "m",
                        "-XX:MaxDirectMemorySize=" + directMebibytes + "m",
                        "-XX:+ExitOnOutOfMemoryError");
        if (nativeMebibytes == 0) {
            return heap;
        }
        return List.of(
                heap.get(0),
                heap.get(1),
                heap.get(2),
                "-Dorg.bytedeco.javacpp.maxbytes=" + nativeMebibytes + "m",
                "-Dorg.bytedeco.javacpp.maxphysicalbytes=" + (limitMebibytes - RESERVED / 2) + "m");
    }
}
