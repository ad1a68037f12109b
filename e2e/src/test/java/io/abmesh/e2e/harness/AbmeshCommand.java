package io.abmesh.e2e.harness;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * The packaged command as a process, as the abmesh script starts it after the build.
 *
 * @param process the process; its standard output is read line by line, its standard error goes to
 *     a file
 * @param output standard output, not yet read
 * @param errors file of the standard error
 * @param read lines read so far
 */
public record AbmeshCommand(Process process, BufferedReader output, Path errors, List<String> read)
        implements AutoCloseable {

    /** No command of a scenario takes longer; one that does is killed, which ends its output. */
    private static final long TIMEOUT_SECONDS = 600;

    /** What a command came to. */
    public record Outcome(int exitCode, List<String> output, List<String> errors) {

        /**
         * Returns this after a check that the exit code is {@code expected}; a failure shows all
         * output.
         */
        public Outcome requireExit(int expected) {
            assertThat(exitCode)
                    .as("exit code; output %s; errors %s", output, errors)
                    .isEqualTo(expected);
            return this;
        }
    }

    /** Returns the command line that stands for {@code abmesh}. */
    public static List<String> line() {
        Path root = root();
        return List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-Xmx256m",
                "-Dabmesh.root=" + root,
                "-jar",
                root.resolve("cli/target/cli.jar").toString());
    }

    /** Starts {@code abmesh ARGUMENTS} in {@code folder}. */
    public static AbmeshCommand start(Path folder, String... arguments) throws IOException {
        return start(folder, Map.of(), arguments);
    }

    /** Starts {@code abmesh ARGUMENTS} in {@code folder}, with more in its environment. */
    public static AbmeshCommand start(
            Path folder, Map<String, String> environment, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(line());
        command.addAll(List.of(arguments));
        Path errors = Files.createTempFile(folder, "errors", ".txt");
        ProcessBuilder builder =
                new ProcessBuilder(command)
                        .directory(folder.toFile())
                        .redirectError(errors.toFile());
        builder.environment().putAll(environment);
        Process process = builder.start();
        CompletableFuture<Void> limit =
                CompletableFuture.runAsync(
                        process::destroyForcibly,
                        CompletableFuture.delayedExecutor(TIMEOUT_SECONDS, TimeUnit.SECONDS));
        var unused = process.onExit().thenRun(() -> limit.cancel(false));
        process.getOutputStream().close();
        BufferedReader output =
                new BufferedReader(
                        new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        return new AbmeshCommand(process, output, errors, new ArrayList<>());
    }

    /** Runs {@code abmesh ARGUMENTS} in {@code folder} to its end. */
    public static Outcome run(Path folder, String... arguments)
            throws IOException, InterruptedException {
        try (AbmeshCommand command = start(folder, arguments)) {
            return command.await();
        }
    }

    /** Returns the checkout. */
    public static Path root() {
        return Path.of(System.getProperty("abmesh.root"));
    }

    /** Reads output up to the first line that starts with {@code start}. */
    public String awaitLine(String start) throws IOException {
        String line;
        while ((line = output.readLine()) != null) {
            read.add(line);
            if (line.startsWith(start)) {
                return line;
            }
        }
        return fail(
                "no line starts with '%s': output %s; errors %s"
                        .formatted(start, read, Files.readAllLines(errors)));
    }

    /** Waits for the end. */
    public Outcome await() throws IOException, InterruptedException {
        output.lines().forEach(read::add);
        process.waitFor();
        return new Outcome(process.exitValue(), List.copyOf(read), Files.readAllLines(errors));
    }

    /** Asks it to stop, as Ctrl-C or a supervisor would. */
    public void terminate() {
        // Process.destroy would close the output that is still to be read.
        process.toHandle().destroy();
    }

    /** Kills it without a chance to do anything. */
    public void kill() {
        process.destroyForcibly();
    }

    @Override
    public void close() throws IOException {
        process.destroyForcibly();
        output.close();
    }
}
