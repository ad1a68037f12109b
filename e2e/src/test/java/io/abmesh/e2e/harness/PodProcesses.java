package io.abmesh.e2e.harness;

import io.abmesh.kube.TestingKubelet;
import io.abmesh.kube.Waiting;
import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.EnvVar;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.Volume;
import io.fabric8.kubernetes.api.model.VolumeMount;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/**
 * Runs the packaged workers for the pods of a cluster that has no nodes: with the environment of
 * the pod's container, an address of its own on loopback, and folders in place of its volumes.
 */
public final class PodProcesses implements TestingKubelet.Containers, AutoCloseable {
    private static final Duration START = Duration.ofSeconds(90);
    private static final long STOP_SECONDS = 30;

    private final Path folder;
    private final MountedSecrets secrets;
    private final Map<String, Process> processes = new ConcurrentHashMap<>();

    /**
     * Keeps volumes and logs in {@code folder}.
     *
     * @param client of the cluster whose Secrets pods mount; borrowed
     */
    public PodProcesses(KubernetesClient client, Path folder) {
        this.folder = folder;
        this.secrets = new MountedSecrets(client);
    }

    @Override
    public void start(Pod pod, String address) {
        Container container = pod.getSpec().getContainers().get(0);
        Map<String, String> variables = variables(pod, container, address);
        ProcessBuilder builder =
                new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-XX:+UseSerialGC",
                        "-jar",
                        AbmeshCommand.root()
                                .resolve(container.getName() + "-worker")
                                .resolve("target/quarkus-app/quarkus-run.jar")
                                .toString());
        builder.environment().putAll(variables);
        String name = pod.getMetadata().getName();
        builder.redirectErrorStream(true)
                .redirectOutput(
                        ProcessBuilder.Redirect.appendTo(folder.resolve(name + ".log").toFile()));
        try {
            mountSecrets(pod, container);
            Process process = builder.start();
            processes.put(pod.getMetadata().getUid(), process);
            int port = container.getPorts().get(0).getContainerPort();
            Waiting.until(
                    name + " listens; see its log in " + folder,
                    START,
                    () -> !process.isAlive() || listens(address, port));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Writes each Secret to where the container mounts it, in the pod's folder. */
    private void mountSecrets(Pod pod, Container container) throws IOException {
        for (Volume volume : pod.getSpec().getVolumes()) {
            if (volume.getSecret() == null) {
                continue;
            }
            for (VolumeMount mount : container.getVolumeMounts()) {
                if (mount.getName().equals(volume.getName())) {
                    secrets.mount(
                            pod.getMetadata().getNamespace(),
                            volume.getSecret().getSecretName(),
                            inPod(mount.getMountPath(), pod));
                }
            }
        }
    }

    private Path inPod(String path, Pod pod) {
        return folder.resolve(pod.getMetadata().getName()).resolve(path.substring(1));
    }

    private static boolean listens(String address, int port) {
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(address, port), 1000);
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    private Map<String, String> variables(Pod pod, Container container, String address) {
        Map<String, String> variables = new HashMap<>();
        for (EnvVar variable : container.getEnv()) {
            variables.put(variable.getName(), value(variable, pod, address));
        }
        // Pods of one machine share its ports: each listens at its own address only.
        String prefix = container.getName().equals("student") ? "ABMESH_STUDENT" : "ABMESH_TEACHER";
        variables.put(prefix + "_HOST", address);
        variables.put("QUARKUS_HTTP_HOST", address);
        variables.replaceAll((name, value) -> place(name, value, pod));
        return variables;
    }

    private static String value(EnvVar variable, Pod pod, String address) {
        if (variable.getValueFrom() == null) {
            return variable.getValue();
        }
        return switch (variable.getValueFrom().getFieldRef().getFieldPath()) {
            case "metadata.name" -> pod.getMetadata().getName();
            case "status.podIP" -> address;
            default -> throw new IllegalStateException("unknown field of " + variable);
        };
    }

    /**
     * A volume is a folder that outlives the pod, under the pod's name; an image is the checkout.
     */
    private String place(String name, String value, Pod pod) {
        if (value.startsWith("/opt/abmesh/teachers/")) {
            return AbmeshCommand.root()
                    .resolve("deploy/teachers")
                    .resolve(Path.of(value).getFileName())
                    .toString();
        }
        return name.endsWith("_DIRECTORY") ? inPod(value, pod).toString() : value;
    }

    /** Kills the process of a pod without a chance to do anything. */
    public void kill(Pod pod) {
        Process process = processes.get(pod.getMetadata().getUid());
        if (process != null) {
            process.destroyForcibly();
        }
    }

    @Override
    public void stop(Pod pod) {
        Process process = processes.remove(pod.getMetadata().getUid());
        if (process != null) {
            stop(process);
        }
    }

    private static void stop(Process process) {
        process.destroy();
        try {
            if (!process.waitFor(STOP_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }

    /** Returns whether the process that a pod began with is there. */
    public boolean runs(Pod pod) {
        Process process = processes.get(pod.getMetadata().getUid());
        return process != null && process.isAlive();
    }

    /** Returns the log of a pod's process. */
    public String log(Pod pod) throws IOException {
        return Files.readString(folder.resolve(pod.getMetadata().getName() + ".log"));
    }

    /** Returns the ends of all logs, for a test that fails. */
    public String logs() throws IOException {
        StringBuilder text = new StringBuilder();
        try (var files = Files.list(folder)) {
            for (Path log : files.filter(f -> f.toString().endsWith(".log")).sorted().toList()) {
                String all = Files.readString(log);
                text.append(log.getFileName())
                        .append(":\n")
                        .append(all.substring(Math.max(0, all.length() - 2000)))
                        .append('\n');
            }
        }
        return text.toString();
    }

    @Override
    public void close() {
        secrets.close();
        processes.values().forEach(Process::destroyForcibly);
    }
}
