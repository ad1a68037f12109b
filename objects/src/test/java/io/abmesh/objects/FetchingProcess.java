package io.abmesh.objects;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;

/**
 * Another process that fetches a folder of objects into a cache of so many bytes, prints where it
 * is, or why not, and uses it until its input ends.
 */
final class FetchingProcess {
    private FetchingProcess() {}

    public static void main(String... arguments) throws IOException {
        try (ObjectStore store =
                        ObjectStore.at(
                                URI.create(arguments[0]),
                                arguments[1],
                                arguments[2],
                                arguments[3]);
                ObjectUse use =
                        new ObjectCache(
                                        Path.of(arguments[4]),
                                        store,
                                        Long.parseLong(arguments[5]),
                                        Clock.systemUTC())
                                .folder(ObjectAddress.parse(arguments[6]))) {
            System.out.println(use.path());
            System.in.readAllBytes();
        } catch (ObjectException e) {
            System.out.println(e.reason() + ": " + e.getMessage());
        }
    }

    /** Returns the command line of such a process. */
    static List<String> command(String... arguments) {
        List<String> command =
                new ArrayList<>(
                        List.of(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "-XX:TieredStopAtLevel=1",
                                "-cp",
                                System.getProperty("java.class.path"),
                                FetchingProcess.class.getName()));
        command.addAll(List.of(arguments));
        return command;
    }

    static Process start(List<String> command) throws IOException {
        return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    }

    /** Lets a process end; returns what it printed. */
    static String output(Process process) throws IOException {
        process.getOutputStream().close();
        return new String(process.getInputStream().readAllBytes(), UTF_8).strip();
    }
}
