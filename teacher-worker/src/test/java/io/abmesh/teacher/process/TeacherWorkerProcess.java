package io.abmesh.teacher.process;

import static org.assertj.core.api.Assertions.assertThat;

import io.abmesh.proto.process.ReadyFile;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardWatchEventKinds;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;

/** The packaged teacher-worker as a process of its own. */
final class TeacherWorkerProcess implements AutoCloseable {
    private static final long START_SECONDS = 60;

    private final Process process;
    private final Path folder;

    private TeacherWorkerProcess(Process process, Path folder) {
        this.process = process;
        this.folder = folder;
    }

    static TeacherWorkerProcess start(Path folder, Path model, Map<String, String> keys)
            throws IOException {
        return start(folder, model.toString(), keys, Map.of());
    }

    static TeacherWorkerProcess start(
            Path folder, String model, Map<String, String> keys, Map<String, String> environment)
            throws IOException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add("-Dabmesh.teacher.model=" + model);
        command.add("-Dabmesh.teacher.ready-file=" + folder.resolve("ready.json"));
        keys.forEach((key, value) -> command.add("-D" + key + "=" + value));
        command.add("-jar");
        command.add(
                Path.of("target", "quarkus-app", "quarkus-run.jar").toAbsolutePath().toString());
        ProcessBuilder builder =
                new ProcessBuilder(command)
                        .redirectOutput(folder.resolve("out.txt").toFile())
                        .redirectError(folder.resolve("err.txt").toFile());
        builder.environment().putAll(environment);
        return new TeacherWorkerProcess(builder.start(), folder);
    }

    /** The model of the tests: a wide ResNet of random weights for images {@code [3, 16, 16]}. */
    static Path wrn() {
        return resource("wrn.onnx");
    }

    static Path resource(String name) {
        try {
            return Path.of(
                    Objects.requireNonNull(
                                    TeacherWorkerProcess.class.getResource(
                                            "/io/abmesh/teacher/" + name),
                                    name)
                            .toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(name, e);
        }
    }

    ReadyFile awaitReady() throws Exception {
        Path ready = folder.resolve("ready.json");
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(START_SECONDS);
        try (WatchService watch = FileSystems.getDefault().newWatchService()) {
            folder.register(watch, StandardWatchEventKinds.ENTRY_CREATE);
            while (!Files.exists(ready)) {
                assertThat(process.isAlive()).as(errors()).isTrue();
                assertThat(System.nanoTime()).as("no ready file in time").isLessThan(deadline);
                WatchKey key = watch.poll(1, TimeUnit.SECONDS);
                if (key != null) {
                    key.reset();
                }
            }
        }
        return ReadyFile.read(ready);
    }

    int awaitExit() throws InterruptedException {
        assertThat(process.waitFor(START_SECONDS, TimeUnit.SECONDS)).isTrue();
        return process.exitValue();
    }

    void terminate() {
        process.destroy();
    }

    String errors() throws IOException {
        return Files.readString(folder.resolve("err.txt"));
    }

    String output() throws IOException {
        return Files.readString(folder.resolve("out.txt"));
    }

    @Override
    public void close() {
        process.destroyForcibly().onExit().orTimeout(60, TimeUnit.SECONDS).join();
    }
}
