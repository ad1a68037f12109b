package io.abmesh.bench.page;

import io.abmesh.proto.process.ReadyFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** The packaged coordinator over a store, as a process. */
final class StoredCoordinator implements AutoCloseable {
    private static final long START_SECONDS = 90;
    private static final long POLL_MILLIS = 20;

    private final Process process;
    private final int port;

    private StoredCoordinator(Process process, int port) {
        this.process = process;
        this.port = port;
    }

    /**
     * Starts it; returns once it serves.
     *
     * @param root the checkout, built
     * @param folder with the store as {@code store}; gets the ready file and the log
     */
    static StoredCoordinator start(Path root, Path folder)
            throws IOException, InterruptedException {
        Path ready = folder.resolve("ready.json");
        Path log = folder.resolve("coordinator.log");
        Process process =
                new ProcessBuilder(
                                List.of(
                                        Path.of(System.getProperty("java.home"), "bin", "java")
                                                .toString(),
                                        "-Xmx384m",
                                        "-XX:+UseSerialGC",
                                        "-XX:TieredStopAtLevel=1",
                                        "-Dabmesh.coordinator.ready-file=" + ready,
                                        "-Dabmesh.coordinator.store-directory="
                                                + folder.resolve("store"),
                                        "-jar",
                                        root.resolve("coordinator/target/quarkus-app")
                                                .resolve("quarkus-run.jar")
                                                .toString()))
                        .redirectErrorStream(true)
                        .redirectOutput(log.toFile())
                        .start();
        for (long tries = TimeUnit.SECONDS.toMillis(START_SECONDS) / POLL_MILLIS;
                tries > 0 && !Files.exists(ready);
                tries--) {
            if (process.waitFor(POLL_MILLIS, TimeUnit.MILLISECONDS)) {
                break;
            }
        }
        if (!Files.exists(ready)) {
            process.destroyForcibly();
            throw new IllegalStateException("coordinator does not serve: " + Files.readString(log));
        }
        return new StoredCoordinator(process, ReadyFile.read(ready).httpPort());
    }

    /** Returns the address of the page. */
    String page() {
        return "http://127.0.0.1:" + port + "/";
    }

    @Override
    public void close() {
        process.destroyForcibly();
        process.onExit().join();
    }
}
