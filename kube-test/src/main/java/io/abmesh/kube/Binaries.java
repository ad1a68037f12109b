package io.abmesh.kube;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A folder with {@code etcd}, {@code kube-apiserver} and {@code kube-controller-manager}.
 *
 * @param folder absolute
 */
public record Binaries(Path folder) {
    private static final List<String> NAMES =
            List.of("etcd", "kube-apiserver", "kube-controller-manager");

    /** Names such a folder, for example one that setup-envtest or kube-api-test filled. */
    private static final String FOLDER = "KUBEBUILDER_ASSETS";

    /** Names a folder with {@code kube/lay-out.sh}, which lays binaries out. */
    private static final String SHARED = "abmesh.shared";

    /** Names the checkout, whose build folders take what is laid out. */
    private static final String ROOT = "abmesh.root";

    /**
     * Finds the binaries: in the folder that the environment names, or laid out from what {@value
     * #SHARED} names.
     *
     * @return nothing if there are none
     * @throws IllegalStateException if {@code abmesh.require-shared} says that there must be
     */
    public static Optional<Binaries> find() {
        String folder = System.getenv(FOLDER);
        if (folder != null && complete(Path.of(folder))) {
            return Optional.of(new Binaries(Path.of(folder).toAbsolutePath()));
        }
        String shared = System.getProperty(SHARED);
        if (shared != null) {
            return Optional.of(layOut(Path.of(shared)));
        }
        if (Boolean.getBoolean("abmesh.require-shared")) {
            throw new IllegalStateException(
                    "no API server: neither %s nor -D%s names one".formatted(FOLDER, SHARED));
        }
        return Optional.empty();
    }

    /** Returns the reason of a test that is skipped because there are none. */
    public static String missing() {
        return "no kube-apiserver here: set %s to a folder with %s".formatted(FOLDER, NAMES);
    }

    private static boolean complete(Path folder) {
        return NAMES.stream().allMatch(name -> Files.isExecutable(folder.resolve(name)));
    }

    private static synchronized Binaries layOut(Path shared) {
        Path target = Path.of(System.getProperty(ROOT), "kube-test", "target", "kube");
        try {
            if (!Files.isDirectory(target) || found(target).isEmpty()) {
                Files.createDirectories(target);
                Process script =
                        new ProcessBuilder(
                                        shared.resolve("kube/lay-out.sh").toString(),
                                        target.toString())
                                .redirectErrorStream(true)
                                .redirectOutput(target.resolve("lay-out.log").toFile())
                                .start();
                if (script.waitFor() != 0) {
                    throw new IllegalStateException(
                            "kube/lay-out.sh failed; see " + target.resolve("lay-out.log"));
                }
            }
            return found(target).orElseThrow();
        } catch (IOException e) {
            throw new IllegalStateException("cannot lay out an API server", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while an API server was laid out", e);
        }
    }

    private static Optional<Binaries> found(Path target) throws IOException {
        try (Stream<Path> folders = Files.walk(target)) {
            return folders.filter(Files::isDirectory)
                    .filter(Binaries::complete)
                    .findFirst()
                    .map(Binaries::new);
        }
    }

    Path program(String name) {
        return folder.resolve(name);
    }
}
