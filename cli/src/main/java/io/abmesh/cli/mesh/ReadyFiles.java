package io.abmesh.cli.mesh;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.abmesh.proto.process.ReadyFile;
import java.io.IOException;
import java.nio.file.ClosedWatchServiceException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardWatchEventKinds;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/** Watches a folder for the ready files of processes. Thread-safe. */
final class ReadyFiles implements AutoCloseable {

    private final Path folder;
    private final WatchService watch;
    private final Object lock = new Object();

    @GuardedBy("lock")
    private final Map<Path, CompletableFuture<ReadyFile>> awaited = new HashMap<>();

    /** Watches {@code folder}, which is created if needed, from a daemon thread of its own. */
    ReadyFiles(Path folder) throws IOException {
        this.folder = folder;
        Files.createDirectories(folder);
        watch = folder.getFileSystem().newWatchService();
        folder.register(
                watch, StandardWatchEventKinds.ENTRY_CREATE, StandardWatchEventKinds.ENTRY_MODIFY);
        Thread thread = new Thread(this::follow, "abmesh-ready-files");
        thread.setDaemon(true);
        thread.start();
    }

    /** Returns the file of the process that writes {@code NAME.json}. */
    Path file(String name) {
        return folder.resolve(name + ".json");
    }

    /**
     * Removes an old ready file of {@code name} and waits for the next one. To be called before the
     * process starts.
     *
     * @return completed when the file is there; with an {@link IOException} if it is not of the
     *     right form
     */
    CompletableFuture<ReadyFile> expect(String name) throws IOException {
        Path file = file(name);
        Files.deleteIfExists(file);
        CompletableFuture<ReadyFile> ready = new CompletableFuture<>();
        synchronized (lock) {
            awaited.put(file, ready);
        }
        return ready;
    }

    @Override
    public void close() throws IOException {
        watch.close();
    }

    private void follow() {
        try {
            while (true) {
                WatchKey key = watch.take();
                key.pollEvents();
                completeThoseThere();
                if (!key.reset()) {
                    return;
                }
            }
        } catch (ClosedWatchServiceException e) {
            // Closed: nobody waits any more.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void completeThoseThere() {
        synchronized (lock) {
            awaited.entrySet()
                    .removeIf(
                            entry -> {
                                if (!Files.exists(entry.getKey())) {
                                    return false;
                                }
                                complete(entry.getKey(), entry.getValue());
                                return true;
                            });
        }
    }

    private static void complete(Path file, CompletableFuture<ReadyFile> ready) {
        try {
            ready.complete(ReadyFile.read(file));
        } catch (IOException e) {
            ready.completeExceptionally(e);
        }
    }
}
