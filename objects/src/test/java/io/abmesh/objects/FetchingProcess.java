package io.abmesh.objects;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Another process that fetches a folder of objects and prints where it is. */
final class FetchingProcess {
    private FetchingProcess() {}

    public static void main(String... arguments) {
        try (ObjectStore store =
                ObjectStore.at(
                        URI.create(arguments[0]), arguments[1], arguments[2], arguments[3])) {
            System.out.println(
                    new ObjectCache(Path.of(arguments[4]), store)
                            .folder(ObjectAddress.parse(arguments[5])));
        }
    }

    static Process start(String... arguments) throws IOException {
        List<String> command =
                new ArrayList<>(
                        List.of(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "-XX:TieredStopAtLevel=1",
                                "-cp",
                                System.getProperty("java.class.path"),
                                FetchingProcess.class.getName()));
        command.addAll(List.of(arguments));
        return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    }

    static String output(Process process) throws IOException {
        return new String(process.getInputStream().readAllBytes(), UTF_8).strip();
    }
}
