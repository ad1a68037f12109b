package io.abmesh.kube;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.ConfigBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A real API server over a real etcd, with the controllers that make pods of StatefulSets and
 * Deployments and collect what has lost its owner. There are no nodes: pods are only written down.
 */
public final class ApiServer implements AutoCloseable {
    private static final Duration START = Duration.ofSeconds(60);
    private static final long STOP_SECONDS = 15;
    private static final String TOKEN = "admin-of-a-test";
    private static final String LOOPBACK = "127.0.0.1";
    private static final int KEY_BITS = 2048;
    private static final int PEM_LINE = 64;

    private final Binaries binaries;
    private final Path directory;
    private final int port = freePort();
    private final int etcdPort = freePort();
    private final List<Process> started = new ArrayList<>();
    private @Nullable Process apiServer;

    private ApiServer(Binaries binaries, Path directory) {
        this.binaries = binaries;
        this.directory = directory;
    }

    /**
     * Starts all of it and returns once it serves.
     *
     * @param directory empty; keeps its files and logs
     */
    public static ApiServer start(Binaries binaries, Path directory) {
        ApiServer server = new ApiServer(binaries, directory);
        try {
            server.prepare();
            server.startEtcd();
            server.startApiServer();
            server.startControllers();
            return server;
        } catch (IOException | RuntimeException e) {
            server.close();
            throw new IllegalStateException("API server does not start; logs in " + directory, e);
        }
    }

    private void prepare() throws IOException {
        KeyPair keys = keys();
        pem("service-account.key", "PRIVATE KEY", keys.getPrivate().getEncoded());
        pem("service-account.pub", "PUBLIC KEY", keys.getPublic().getEncoded());
        Files.writeString(directory.resolve("tokens.csv"), TOKEN + ",admin,admin,system:masters\n");
        Files.writeString(
                directory.resolve("kubeconfig"),
                """
                apiVersion: v1
                kind: Config
                clusters:
                - name: test
                  cluster: {server: "%s", insecure-skip-tls-verify: true}
                users:
                - name: admin
                  user: {token: %s}
                contexts:
                - name: test
                  context: {cluster: test, user: admin}
                current-context: test
                """
                        .formatted(url(), TOKEN));
    }

    private static KeyPair keys() {
        try {
            KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
            generator.initialize(KEY_BITS);
            return generator.generateKeyPair();
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private void pem(String file, String kind, byte[] encoded) throws IOException {
        String body =
                Base64.getMimeEncoder(PEM_LINE, "\n".getBytes(US_ASCII)).encodeToString(encoded);
        Files.writeString(
                directory.resolve(file),
                "-----BEGIN %s-----\n%s\n-----END %s-----\n".formatted(kind, body, kind));
    }

    private void startEtcd() throws IOException {
        run(
                "etcd",
                "--data-dir=" + directory.resolve("etcd"),
                "--listen-client-urls=" + etcdUrl(),
                "--advertise-client-urls=" + etcdUrl(),
                "--listen-peer-urls=http://" + LOOPBACK + ":" + freePort());
    }

    private void startApiServer() throws IOException {
        apiServer =
                run(
                        "kube-apiserver",
                        "--etcd-servers=" + etcdUrl(),
                        "--bind-address=" + LOOPBACK,
                        "--advertise-address=" + LOOPBACK,
                        "--secure-port=" + port,
                        "--cert-dir=" + directory.resolve("certificates"),
                        "--token-auth-file=" + directory.resolve("tokens.csv"),
                        "--authorization-mode=RBAC",
                        "--service-cluster-ip-range=10.0.0.0/24",
                        "--service-account-issuer=https://kubernetes.default.svc",
                        "--service-account-key-file=" + directory.resolve("service-account.pub"),
                        "--service-account-signing-key-file="
                                + directory.resolve("service-account.key"),
                        "--disable-admission-plugins=ServiceAccount");
        try (KubernetesClient client = client()) {
            Waiting.until(
                    "the API server is ready",
                    START,
                    () ->
                            "ok".equals(client.raw("/readyz"))
                                    && client.namespaces().withName("default").get() != null);
        }
    }

    private void startControllers() throws IOException {
        List<String> flags =
                new ArrayList<>(
                        List.of(
                                "--kubeconfig=" + directory.resolve("kubeconfig"),
                                "--authentication-kubeconfig=" + directory.resolve("kubeconfig"),
                                "--authorization-kubeconfig=" + directory.resolve("kubeconfig"),
                                "--leader-elect=false",
                                "--bind-address=" + LOOPBACK,
                                "--secure-port=" + freePort(),
                                "--cert-dir=" + directory.resolve("controller-certificates"),
                                "--controllers=deployment,replicaset,statefulset,garbagecollector,"
                                        + "namespace,disruption,pvc-protection"));
        if (version().startsWith("Kubernetes v1.20.")) {
            flags.add("--port=0"); // the port without TLS, which later versions do not have
        }
        run("kube-controller-manager", flags.toArray(String[]::new));
    }

    private String version() throws IOException {
        Process process =
                new ProcessBuilder(binaries.program("kube-apiserver").toString(), "--version")
                        .start();
        return new String(process.getInputStream().readAllBytes(), US_ASCII).strip();
    }

    private Process run(String program, String... flags) throws IOException {
        List<String> command = new ArrayList<>();
        command.add(binaries.program(program).toString());
        command.addAll(List.of(flags));
        Process process =
                new ProcessBuilder(command)
                        .directory(directory.toFile())
                        .redirectErrorStream(true)
                        .redirectOutput(
                                ProcessBuilder.Redirect.appendTo(
                                        directory.resolve(program + ".log").toFile()))
                        .start();
        started.add(process);
        return process;
    }

    /** Returns where it serves. */
    public String url() {
        return "https://" + LOOPBACK + ":" + port;
    }

    /** Returns a kubeconfig file of its administrator. */
    public Path kubeconfig() {
        return directory.resolve("kubeconfig");
    }

    private String etcdUrl() {
        return "http://" + LOOPBACK + ":" + etcdPort;
    }

    /** Returns a client of its administrator; the caller closes it. */
    public KubernetesClient client() {
        return new KubernetesClientBuilder().withConfig(config().build()).build();
    }

    /** Returns the configuration of its administrator's client. */
    public ConfigBuilder config() {
        return new ConfigBuilder(Config.empty())
                .withMasterUrl(url())
                .withTrustCerts(true)
                .withDisableHostnameVerification(true)
                .withOauthToken(TOKEN)
                .withRequestTimeout((int) Duration.ofSeconds(10).toMillis())
                .withWatchReconnectInterval(200)
                .withRequestRetryBackoffLimit(0);
    }

    /** Stops the API server alone, without a goodbye; what it stored stays. */
    public void stopApiServer() {
        if (apiServer != null) {
            apiServer.destroyForcibly();
            await(apiServer);
        }
    }

    /** Starts the API server again and returns once it serves. */
    public void startApiServerAgain() throws IOException {
        startApiServer();
    }

    private static void await(Process process) {
        try {
            if (!process.waitFor(STOP_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static int freePort() {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        } catch (IOException e) {
            throw new IllegalStateException("no port is free", e);
        }
    }

    /** Stops everything. */
    @Override
    public void close() {
        for (int i = started.size() - 1; i >= 0; i--) {
            started.get(i).destroyForcibly();
            await(started.get(i));
        }
    }
}
