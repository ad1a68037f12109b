package io.abmesh.nn.teacher;

import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;

/**
 * Starts ONNX Runtime on a thread whose stack is large enough.
 *
 * <p>When it starts, the telemetry of ONNX Runtime 1.29 searches the process' command line with a
 * regular expression of libstdc++, which recurses once per character and takes about 260 bytes each
 * time. A class path of 4000 characters exhausts the 1 MiB that a Java thread has by default, and
 * the process dies of SIGSEGV without a word. A started runtime needs no more stack than others.
 *
 * <p>Its telemetry is switched off as soon as it has started; the environment variable {@code
 * ORT_DISABLE_TELEMETRY=1} keeps it from starting.
 */
final class OnnxRuntimeStart {
    private static final long STACK_BYTES_PER_CHARACTER = 1024;
    private static final long LEAST_STACK_BYTES = 8L << 20;
    private static final Path COMMAND_LINE = Path.of("/proc/self/cmdline");

    private OnnxRuntimeStart() {}

    /** Returns the process' only environment, started at the first call. */
    static OrtEnvironment environment() {
        CompletableFuture<OrtEnvironment> started = new CompletableFuture<>();
        Thread thread =
                new Thread(
                        null,
                        () -> {
                            try {
                                OrtEnvironment environment =
                                        OrtEnvironment.getEnvironment(
                                                OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL, "abmesh");
                                environment.setTelemetry(false);
                                started.complete(environment);
                            } catch (OrtException | RuntimeException | Error e) {
                                started.completeExceptionally(e);
                            }
                        },
                        "onnxruntime-start",
                        stackBytes());
        thread.start();
        return started.join();
    }

    /** Reserved, not used: the system hands out a stack page by page. */
    private static long stackBytes() {
        try {
            return Math.max(
                    LEAST_STACK_BYTES,
                    STACK_BYTES_PER_CHARACTER * Files.readAllBytes(COMMAND_LINE).length);
        } catch (IOException e) {
            return LEAST_STACK_BYTES; // not Linux: nothing is known of its command line
        }
    }
}
