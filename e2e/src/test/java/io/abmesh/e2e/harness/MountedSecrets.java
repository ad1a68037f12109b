package io.abmesh.e2e.harness;

import io.fabric8.kubernetes.api.model.Secret;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.Base64;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * Secrets in folders, as a kubelet has them: names are links through {@code ..data}, so that all
 * files of a Secret that has changed are replaced at once.
 */
final class MountedSecrets implements AutoCloseable {
    private static final Duration PERIOD = Duration.ofMillis(500);

    private final KubernetesClient client;
    private final Map<Path, Mount> mounts = new ConcurrentHashMap<>();
    private final ScheduledExecutorService thread =
            Executors.newSingleThreadScheduledExecutor(task -> new Thread(task, "kubelet-secrets"));

    private record Mount(String namespace, String name, String resourceVersion) {}

    MountedSecrets(KubernetesClient client) {
        this.client = client;
        var unused =
                thread.scheduleWithFixedDelay(
                        this::look, PERIOD.toMillis(), PERIOD.toMillis(), TimeUnit.MILLISECONDS);
    }

    /** Writes a Secret that is there into a folder, and again whenever it has changed. */
    void mount(String namespace, String name, Path folder) throws IOException {
        Files.createDirectories(folder);
        write(folder, client.secrets().inNamespace(namespace).withName(name).require());
    }

    private void look() {
        mounts.forEach(
                (folder, mount) -> {
                    try {
                        Secret now =
                                client.secrets()
                                        .inNamespace(mount.namespace())
                                        .withName(mount.name())
                                        .get();
                        boolean changed =
                                now != null
                                        && !now.getMetadata()
                                                .getResourceVersion()
                                                .equals(mount.resourceVersion());
                        if (changed) {
                            write(folder, now);
                        }
                    } catch (KubernetesClientException e) {
                        // The API server is away; the files stay as they are.
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                });
    }

    private void write(Path folder, Secret secret) throws IOException {
        Path files = Files.createTempDirectory(folder, "..");
        for (Map.Entry<String, String> file : secret.getData().entrySet()) {
            Files.write(files.resolve(file.getKey()), Base64.getDecoder().decode(file.getValue()));
        }
        Path next = folder.resolve("..next");
        Files.createSymbolicLink(next, files.getFileName());
        Files.move(next, folder.resolve("..data"), StandardCopyOption.ATOMIC_MOVE);
        for (String name : secret.getData().keySet()) {
            if (!Files.exists(folder.resolve(name), LinkOption.NOFOLLOW_LINKS)) {
                Files.createSymbolicLink(folder.resolve(name), Path.of("..data", name));
            }
        }
        mounts.put(
                folder,
                new Mount(
                        secret.getMetadata().getNamespace(),
                        secret.getMetadata().getName(),
                        secret.getMetadata().getResourceVersion()));
    }

    @Override
    public void close() {
        thread.shutdownNow();
    }
}
