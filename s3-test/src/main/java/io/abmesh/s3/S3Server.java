package io.abmesh.s3;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * S3Proxy over a folder, as a process with a class path of its own. It checks signatures, and
 * answers as S3 does. A bucket is a folder in it.
 */
public final class S3Server implements AutoCloseable {
    /** Who may enter: {@value}. */
    public static final String ACCESS_KEY_ID = "test-access-key";

    /** What requests are signed with: {@value}. */
    public static final String SECRET_ACCESS_KEY = "test-secret-key";

    /** Any region will do: {@value}. */
    public static final String REGION = "us-east-1";

    private static final String LOOPBACK = "127.0.0.1";
    private static final Pattern SERVES =
            Pattern.compile("Started .*\\{" + Pattern.quote(LOOPBACK) + ":([0-9]+)\\}");
    private static final long STOP_SECONDS = 15;

    private final Path buckets;
    private final Process process;
    private final int port;

    private S3Server(Path buckets, Process process, int port) {
        this.buckets = buckets;
        this.process = process;
        this.port = port;
    }

    /**
     * Starts a server and returns once it serves.
     *
     * @param directory keeps its buckets; those of an earlier server are there again
     */
    public static S3Server start(Path directory) throws IOException {
        Path buckets = Files.createDirectories(directory.resolve("buckets"));
        Path properties = directory.resolve("s3proxy.properties");
        Files.write(
                properties,
                List.of(
                        "s3proxy.endpoint=http://" + LOOPBACK + ":0",
                        "s3proxy.authorization=aws-v2-or-v4",
                        "s3proxy.identity=" + ACCESS_KEY_ID,
                        "s3proxy.credential=" + SECRET_ACCESS_KEY,
                        "jclouds.provider=filesystem-nio2",
                        "jclouds.identity=unused",
                        "jclouds.credential=unused",
                        "jclouds.filesystem.basedir=" + buckets.toAbsolutePath()));
        Process process =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "-XX:TieredStopAtLevel=1",
                                "-XX:+UseSerialGC",
                                "-Xmx128m",
                                "-cp",
                                classPath(),
                                "org.gaul.s3proxy.Main",
                                "--properties",
                                properties.toString())
                        .redirectErrorStream(true)
                        .start();
        try {
            BufferedReader output = process.inputReader(UTF_8);
            int port = awaitPort(output);
            Thread drain = new Thread(() -> drain(output), "s3-server-output");
            drain.setDaemon(true);
            drain.start();
            return new S3Server(buckets, process, port);
        } catch (IOException | RuntimeException e) {
            process.destroyForcibly();
            throw e;
        }
    }

    private static String classPath() {
        Path libraries = Path.of(System.getProperty("abmesh.root"), "s3-test", "target", "server");
        if (!Files.isDirectory(libraries)) {
            throw new IllegalStateException(
                    "the S3 server is not built: no folder " + libraries + "; build with -am");
        }
        return libraries + "/*";
    }

    private static int awaitPort(BufferedReader output) throws IOException {
        List<String> read = new ArrayList<>();
        for (String line = output.readLine(); line != null; line = output.readLine()) {
            read.add(line);
            Matcher serves = SERVES.matcher(line);
            if (serves.find()) {
                return Integer.parseInt(serves.group(1));
            }
        }
        throw new IllegalStateException("S3 server does not start: " + String.join("\n", read));
    }

    private static void drain(BufferedReader output) {
        try {
            while (output.readLine() != null) {}
        } catch (IOException e) {
            // the process has ended
        }
    }

    /** Makes a bucket. */
    public void createBucket(String name) {
        try {
            Files.createDirectory(buckets.resolve(name));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Returns where the bytes of an object lie. */
    public Path file(String bucket, String key) {
        return buckets.resolve(bucket).resolve(key);
    }

    /** Returns where it serves. */
    public URI endpoint() {
        return URI.create("http://" + LOOPBACK + ":" + port);
    }

    /** Returns the environment with which a process finds it and may enter. */
    public Map<String, String> environment() {
        return Map.of(
                "AWS_ENDPOINT_URL_S3",
                endpoint().toString(),
                "AWS_REGION",
                REGION,
                "AWS_ACCESS_KEY_ID",
                ACCESS_KEY_ID,
                "AWS_SECRET_ACCESS_KEY",
                SECRET_ACCESS_KEY);
    }

    /** Stops without a goodbye; what it stored stays. */
    @Override
    public void close() {
        process.destroyForcibly();
        try {
            process.waitFor(STOP_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
