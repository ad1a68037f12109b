package io.abmesh.nn.teacher;

import static java.util.Objects.requireNonNull;

/**
 * How a model is opened and run.
 *
 * @param intraOpThreads threads that one inference may use, at least 1
 * @param chunkSize images that run at once, at least 1: more is a little faster and takes memory in
 *     proportion. A model whose batch size is fixed runs at that size
 * @param trusted whether a DL4J archive, whose format names Java classes, may be read
 * @param device where ONNX Runtime computes
 */
public record TeacherOptions(int intraOpThreads, int chunkSize, boolean trusted, Device device) {
    /** Where ONNX Runtime computes. */
    public enum Device {
        /** On the processor. */
        CPU,
        /** On the first CUDA device; needs the GPU build of ONNX Runtime on the class path. */
        CUDA
    }

    /** Default of {@link #intraOpThreads}: {@value}. */
    public static final int DEFAULT_INTRA_OP_THREADS = 1;

    /** Default of {@link #chunkSize}: {@value}. */
    public static final int DEFAULT_CHUNK_SIZE = 32;

    public TeacherOptions {
        requireNonNull(device, "device");
        if (intraOpThreads < 1 || chunkSize < 1) {
            throw new IllegalArgumentException(
                    "teacher options out of range: found=intraOpThreads "
                            + intraOpThreads
                            + ", chunkSize "
                            + chunkSize
                            + ", expected=at least 1 each");
        }
    }

    /**
     * Returns the defaults: {@value #DEFAULT_INTRA_OP_THREADS} thread, not trusted, on the
     * processor.
     */
    public static TeacherOptions defaults() {
        return new TeacherOptions(DEFAULT_INTRA_OP_THREADS, DEFAULT_CHUNK_SIZE, false, Device.CPU);
    }

    public TeacherOptions withIntraOpThreads(int threads) {
        return new TeacherOptions(threads, chunkSize, trusted, device);
    }

    public TeacherOptions withChunkSize(int images) {
        return new TeacherOptions(intraOpThreads, images, trusted, device);
    }

    public TeacherOptions withTrusted(boolean trust) {
        return new TeacherOptions(intraOpThreads, chunkSize, trust, device);
    }

    public TeacherOptions withDevice(Device other) {
        return new TeacherOptions(intraOpThreads, chunkSize, trusted, other);
    }
}
