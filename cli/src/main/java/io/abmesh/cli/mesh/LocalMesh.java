package io.abmesh.cli.mesh;

import static java.util.Objects.requireNonNull;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.abmesh.cli.error.CliException;
import io.abmesh.cli.error.ExitCode;
import io.abmesh.proto.process.ReadyFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The processes of one mesh on this machine. Starts them, keeps {@code mesh.json} true, tells when
 * one ends by itself, and stops them all. Whether a process is started again is its owner's
 * decision. Thread-safe.
 */
public final class LocalMesh implements AutoCloseable {

    /** A process that does not serve after this time is killed. */
    public static final Duration START_TIMEOUT = Duration.ofSeconds(90);

    /** A process that has not ended this long after SIGTERM is killed. */
    public static final Duration STOP_GRACE = Duration.ofSeconds(10);

    /**
     * Two JVMs may tell starts of one process that are this far apart: each adds the time since
     * boot to a boot time that the kernel tells in whole seconds and moves when the clock is set.
     */
    private static final Duration START_DRIFT = Duration.ofSeconds(2);

    private final Installation installation;
    private final MeshFile meshFile;
    private final ReadyFiles readyFiles;
    private final Consumer<ProcessEnded> onEnd;
    private final Object lock = new Object();

    @GuardedBy("lock")
    private final Map<String, Running> running = new TreeMap<>();

    @GuardedBy("lock")
    private boolean stopping;

    private record Running(
            ServiceSpec spec, Process process, long startMillis, @Nullable ReadyFile ready) {}

    /**
     * Makes an empty mesh.
     *
     * @param readyFolder folder for ready files, created if needed
     * @param onEnd told of each process that ends before {@link #stop()}, on a thread of its own;
     *     it may block
     * @throws IOException if a file cannot be written
     */
    public LocalMesh(
            Installation installation,
            MeshFile meshFile,
            Path readyFolder,
            Consumer<ProcessEnded> onEnd)
            throws IOException {
        this.installation = installation;
        this.meshFile = meshFile;
        this.readyFiles = new ReadyFiles(readyFolder);
        this.onEnd = onEnd;
        synchronized (lock) {
            publish();
        }
    }

    /** Returns where the process {@code name} says that it serves. */
    public Path readyFile(String name) {
        return readyFiles.file(name);
    }

    /**
     * Starts a process and does not wait for it. If it does not serve within {@link
     * #START_TIMEOUT}, it is killed.
     *
     * @throws CliException if it cannot be started
     */
    public void start(ServiceSpec spec) {
        CompletableFuture<ReadyFile> unused = begin(spec);
    }

    /**
     * Starts a process and waits until it serves.
     *
     * @throws CliException if it ends before, or does not serve within {@link #START_TIMEOUT}
     * @throws InterruptedException if this thread is interrupted
     */
    public ReadyFile startAndAwait(ServiceSpec spec) throws InterruptedException {
        try {
            return begin(spec).get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof CliException cause) {
                throw cause;
            }
            throw new CliException(
                    ExitCode.WORKER_FAILED,
                    "%s does not serve after %d s; last lines of %s:"
                            .formatted(spec.name(), START_TIMEOUT.toSeconds(), spec.log()),
                    new ProcessLog(spec.log()).lastLines(),
                    e);
        }
    }

    /**
     * Starts a process.
     *
     * @return completed when it serves; with a {@link CliException} if it ends before, with a
     *     {@link TimeoutException} if it does not serve in time; the end is told to {@code onEnd}
     *     as well
     */
    private CompletableFuture<ReadyFile> begin(ServiceSpec spec) {
        try {
            synchronized (lock) {
                if (stopping) {
                    throw new IllegalStateException("the mesh is stopping");
                }
                Files.createDirectories(
                        requireNonNull(spec.log().getParent(), "folder of the log"));
                long logStart = Files.exists(spec.log()) ? Files.size(spec.log()) : 0;
                CompletableFuture<ReadyFile> ready = readyFiles.expect(spec.name());
                Process process = launch(spec);
                running.put(
                        spec.name(),
                        new Running(spec, process, startMillis(process.toHandle()), null));
                publish();
                CompletableFuture<Void> unused =
                        process.onExit()
                                .thenAccept(
                                        ended -> {
                                            ProcessEnded end =
                                                    new ProcessEnded(
                                                            spec, ended.exitValue(), logStart);
                                            ready.completeExceptionally(end.failure());
                                            ended(end, process);
                                        });
                return ready.orTimeout(START_TIMEOUT.toSeconds(), TimeUnit.SECONDS)
                        .whenComplete(
                                (file, failure) -> {
                                    if (file != null) {
                                        serves(spec, process, file);
                                    } else if (failure instanceof TimeoutException) {
                                        process.destroyForcibly();
                                    }
                                });
            }
        } catch (IOException e) {
            throw new CliException(
                    ExitCode.WORKER_FAILED,
                    "cannot start %s: %s".formatted(spec.name(), e.getMessage()),
                    e);
        }
    }

    /** Returns the names and process ids, for people. */
    public String describe() {
        synchronized (lock) {
            return running.values().stream()
                    .map(one -> "%s (pid %d)".formatted(one.spec.name(), one.process.pid()))
                    .collect(Collectors.joining(", "));
        }
    }

    /**
     * Stops every process: workers by SIGTERM first, the coordinator after them, whoever does not
     * end within {@link #STOP_GRACE} by SIGKILL. Returns when all have ended. Nothing can be
     * started after it.
     */
    public void stop() {
        List<Running> all;
        synchronized (lock) {
            stopping = true;
            all = new ArrayList<>(running.values());
        }
        stop(all.stream().filter(one -> one.spec.role() != Role.COORDINATOR).toList());
        stop(all.stream().filter(one -> one.spec.role() == Role.COORDINATOR).toList());
        try {
            synchronized (lock) {
                running.clear();
                meshFile.delete();
            }
            readyFiles.close();
        } catch (IOException e) {
            // The processes have ended, which is what matters; a stale list is recognised by its
            // process ids.
        }
    }

    @Override
    public void close() {
        stop();
    }

    /**
     * Kills processes that an earlier command left behind when it was itself killed. They end by
     * themselves soon, but until then they may write into the same folder.
     *
     * @throws IOException if the list cannot be read
     */
    public static void killLeftovers(MeshFile meshFile) throws IOException {
        List<ProcessHandle> leftovers =
                meshFile.read().stream()
                        .filter(entry -> !entry.role().equals("cli"))
                        .flatMap(
                                entry ->
                                        ProcessHandle.of(entry.pid())
                                                .filter(handle -> startedAsTold(handle, entry))
                                                .stream())
                        .toList();
        leftovers.forEach(ProcessHandle::destroyForcibly);
        for (ProcessHandle leftover : leftovers) {
            leftover.onExit().orTimeout(STOP_GRACE.toSeconds(), TimeUnit.SECONDS).join();
        }
        meshFile.delete();
    }

    private Process launch(ServiceSpec spec) throws IOException {
        ProcessBuilder builder =
                new ProcessBuilder(spec.command(installation.java(), ProcessHandle.current().pid()))
                        .directory(spec.folder().toFile())
                        .redirectErrorStream(true)
                        .redirectOutput(ProcessBuilder.Redirect.appendTo(spec.log().toFile()));
        spec.environment().forEach(builder.environment()::putIfAbsent);
        Process process = builder.start();
        process.getOutputStream().close();
        return process;
    }

    private void serves(ServiceSpec spec, Process process, ReadyFile ready) {
        synchronized (lock) {
            running.computeIfPresent(
                    spec.name(),
                    (name, now) ->
                            now.process == process
                                    ? new Running(spec, process, now.startMillis, ready)
                                    : now);
            publish();
        }
    }

    private void ended(ProcessEnded end, Process process) {
        synchronized (lock) {
            if (stopping) {
                return;
            }
            running.computeIfPresent(
                    end.spec().name(), (name, now) -> now.process == process ? null : now);
            publish();
        }
        onEnd.accept(end);
    }

    @GuardedBy("lock")
    private void publish() {
        if (stopping) {
            return;
        }
        List<MeshFile.Entry> entries = new ArrayList<>();
        ProcessHandle self = ProcessHandle.current();
        entries.add(new MeshFile.Entry("cli", 0, self.pid(), startMillis(self), 0, 0));
        running.values().stream()
                .sorted(
                        Comparator.comparing((Running one) -> one.spec.role())
                                .thenComparing(one -> one.spec.index()))
                .forEach(
                        one ->
                                entries.add(
                                        new MeshFile.Entry(
                                                one.spec.role().word(),
                                                one.spec.index(),
                                                one.process.pid(),
                                                one.startMillis,
                                                one.ready == null ? 0 : one.ready.grpcPort(),
                                                one.ready == null ? 0 : one.ready.httpPort())));
        try {
            meshFile.write(entries);
        } catch (IOException e) {
            throw new CliException(
                    ExitCode.WORKER_FAILED,
                    "cannot write %s: %s".formatted(meshFile.file(), e.getMessage()),
                    e);
        }
    }

    private static boolean startedAsTold(ProcessHandle process, MeshFile.Entry entry) {
        return process.info()
                .startInstant()
                .map(start -> Math.abs(start.toEpochMilli() - entry.startMillis()))
                .filter(difference -> difference <= START_DRIFT.toMillis())
                .isPresent();
    }

    private static long startMillis(ProcessHandle process) {
        return process.info().startInstant().map(Instant::toEpochMilli).orElse(0L);
    }

    private static void stop(List<Running> processes) {
        processes.forEach(one -> one.process.destroy());
        for (Running one : processes) {
            try {
                one.process.onExit().get(STOP_GRACE.toMillis(), TimeUnit.MILLISECONDS);
            } catch (TimeoutException | ExecutionException e) {
                one.process.destroyForcibly().onExit().join();
            } catch (InterruptedException e) {
                one.process.destroyForcibly();
                Thread.currentThread().interrupt();
            }
        }
    }
}
