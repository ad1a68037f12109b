package io.abmesh.objects;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;

import io.abmesh.objects.ObjectException.Reason;
import io.abmesh.s3.S3Server;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Store and cache against a real server that checks signatures. */
@Timeout(value = 2, unit = TimeUnit.MINUTES)
class ObjectStoreIT {
    private static final int MANY_BYTES = 1 << 20;
    private static final int FEW_BYTES = 60_000;

    @TempDir static Path serverFolder;
    private static S3Server server;

    @TempDir Path folder;
    private String bucket;

    @BeforeAll
    static void startServer() throws IOException {
        server = S3Server.start(serverFolder);
    }

    @AfterAll
    static void stopServer() {
        server.close();
    }

    @BeforeEach
    void makeBucket(TestInfo test) {
        bucket = test.getTestMethod().orElseThrow().getName().toLowerCase(Locale.ROOT);
        bucket = bucket.substring(0, Math.min(60, bucket.length()));
        server.createBucket(bucket);
    }

    @Test
    void aFolderIsFetchedWithItsFoldersAndWithNothingBesideIt() throws IOException {
        put("sets/digits/train/0/a.png", "zero");
        put("sets/digits/test/1/b.png", "one");
        put("sets/digits-2/c.png", "of another set");

        try (ObjectStore store = store(server.endpoint())) {
            Path fetched = cache(store).folder(address("sets/digits"));

            assertThat(files(fetched)).containsExactly("test/1/b.png", "train/0/a.png");
            assertThat(fetched.resolve("train/0/a.png")).hasContent("zero");
            assertThat(fetched.getFileName().toString()).matches("digits-[0-9a-f]{32}");
        }
    }

    @Test
    void anObjectIsFetchedUnderItsName() throws IOException {
        put("teachers/wrn.onnx", "weights");

        try (ObjectStore store = store(server.endpoint())) {
            Path fetched = cache(store).file(address("teachers/wrn.onnx"));

            assertThat(fetched).hasFileName("wrn.onnx").hasContent("weights");
        }
    }

    @Test
    void whatIsInTheCacheIsNotFetchedAgain() throws IOException {
        put("m.onnx", "weights");
        try (ObjectStore store = store(server.endpoint())) {
            Path first = cache(store).file(address("m.onnx"));
            Files.writeString(first, "a mark that a second fetch would wipe out");

            Path second = cache(store).file(address("m.onnx"));

            assertThat(second)
                    .isEqualTo(first)
                    .hasContent("a mark that a second fetch would wipe out");
        }
    }

    @Test
    void anObjectThatChangedIsFetchedBesideTheOneBefore() throws IOException {
        put("m.onnx", "old");
        try (ObjectStore store = store(server.endpoint())) {
            Path before = cache(store).file(address("m.onnx"));
            put("m.onnx", "new");

            Path after = cache(store).file(address("m.onnx"));

            assertThat(after).hasContent("new");
            assertThat(before).hasContent("old");
        }
    }

    @Test
    void anObjectThatChangesWhileItIsFetchedIsRefused() throws IOException {
        put("m.onnx", "old");
        try (ObjectStore store = store(server.endpoint())) {
            StoredObject old = store.describe(address("m.onnx"));
            put("m.onnx", "new");

            assertThatThrownBy(() -> store.get(bucket, old, folder.resolve("m.onnx")))
                    .isInstanceOf(ObjectException.class)
                    .hasMessage(
                            "object changed while it was fetched: address=%s"
                                    .formatted(address("m.onnx")))
                    .extracting(e -> ((ObjectException) e).reason())
                    .isEqualTo(Reason.CHANGED);
        }
    }

    @Test
    void ofABodyThatAlwaysBreaksOffNothingIsLeft() throws IOException {
        put("big.bin", noise());
        try (CuttingProxy proxy =
                        CuttingProxy.start(server.endpoint(), FEW_BYTES, Integer.MAX_VALUE);
                ObjectStore store = store(proxy.endpoint())) {
            ObjectException failure = failureOf(() -> cache(store).file(address("big.bin")));

            assertThat(failure.reason()).isEqualTo(Reason.UNREACHABLE);
            assertThat(failure)
                    .hasMessageContaining("object store cannot be reached: address=")
                    .hasMessageContaining("expected=" + MANY_BYTES);
            assertThat(files(folder.resolve("cache"))).allMatch(file -> file.endsWith(".lock"));
        }
    }

    @Test
    void aBodyThatBreaksOffOnceIsFetchedAgain() throws IOException {
        byte[] noise = noise();
        put("big.bin", noise);
        try (CuttingProxy proxy = CuttingProxy.start(server.endpoint(), FEW_BYTES, 1);
                ObjectStore store = store(proxy.endpoint())) {
            Path fetched = cache(store).file(address("big.bin"));

            assertThat(fetched).hasBinaryContent(noise);
            assertThat(proxy.cutsLeft()).isZero();
        }
    }

    @Test
    void whatAKilledProcessLeftIsSweptAway() throws IOException {
        put("set/a.bin", "whole");
        try (ObjectStore store = store(server.endpoint())) {
            Path first = cache(store).folder(address("set"));
            Path part = first.resolveSibling(first.getFileName() + ".part");
            Files.move(first, part);
            Files.writeString(part.resolve("a.bin"), "who");
            Files.writeString(part.resolve("b.bin"), "of an earlier listing");

            Path second = cache(store).folder(address("set"));

            assertThat(files(second)).containsExactly("a.bin");
            assertThat(second.resolve("a.bin")).hasContent("whole");
            assertThat(part).doesNotExist();
        }
    }

    @Test
    void twoProcessesAtOnceComeToTheSameFolder() throws IOException {
        for (int i = 0; i < 20; i++) {
            put("set/" + i + ".txt", "content " + i);
        }
        String[] arguments = {
            server.endpoint().toString(),
            S3Server.REGION,
            S3Server.ACCESS_KEY_ID,
            S3Server.SECRET_ACCESS_KEY,
            folder.resolve("cache").toString(),
            address("set").toString()
        };
        Process first = FetchingProcess.start(arguments);
        Process second = FetchingProcess.start(arguments);

        String fetched = FetchingProcess.output(first);

        assertThat(FetchingProcess.output(second)).isEqualTo(fetched).isNotEmpty();
        assertThat(files(Path.of(fetched))).hasSize(20);
    }

    @Test
    void wrongCredentialsAreNamed() {
        try (ObjectStore store =
                ObjectStore.at(
                        server.endpoint(), S3Server.REGION, S3Server.ACCESS_KEY_ID, "wrong")) {
            assertFailure(
                    () -> cache(store).folder(address("set")),
                    Reason.DENIED,
                    "object store denies access: address=%s, found=SignatureDoesNotMatch, expected=credentials that may, store=%s"
                            .formatted(address("set"), server.endpoint()));
            assertFailure(
                    () -> cache(store).file(address("m.onnx")),
                    Reason.DENIED,
                    "object store denies access: address=%s, found=HTTP status 403, expected=credentials that may, store=%s"
                            .formatted(address("m.onnx"), server.endpoint()));
        }
    }

    @Test
    void aBucketThatIsNotThereIsNamed() {
        ObjectAddress nowhere = ObjectAddress.parse("s3://no-such-bucket/m.onnx");
        String message = "no such bucket: found=no-such-bucket, store=" + server.endpoint();
        try (ObjectStore store = store(server.endpoint())) {
            assertFailure(() -> cache(store).folder(nowhere), Reason.NOT_FOUND, message);
            assertFailure(() -> cache(store).file(nowhere), Reason.NOT_FOUND, message);
            assertFailure(() -> store.put(file("x"), nowhere), Reason.NOT_FOUND, message);
        }
    }

    @Test
    void anObjectThatIsNotThereIsNamed() {
        try (ObjectStore store = store(server.endpoint())) {
            assertFailure(
                    () -> cache(store).file(address("m.onnx")),
                    Reason.NOT_FOUND,
                    "no such object: found=nothing at %s, store=%s"
                            .formatted(address("m.onnx"), server.endpoint()));
            assertFailure(
                    () -> cache(store).folder(address("set")),
                    Reason.NOT_FOUND,
                    "no such folder: found=no objects below %s, store=%s"
                            .formatted(address("set"), server.endpoint()));
        }
    }

    @Test
    void aServerThatIsAwayIsNamed() {
        URI nowhere = URI.create("http://127.0.0.1:1");
        try (ObjectStore store = store(nowhere)) {
            assertFailure(
                    () -> cache(store).folder(address("set")),
                    Reason.UNREACHABLE,
                    "object store cannot be reached: address=%s, found=Connection refused, store=%s"
                            .formatted(address("set"), nowhere));
        }
    }

    @Test
    void withoutCredentialsNothingIsAsked() {
        try (ObjectStore store = ObjectStore.ofEnvironment()) {
            assertFailure(
                    () -> cache(store).folder(address("set")),
                    Reason.NOT_CONFIGURED,
                    "no credentials for the object store: found=none, expected=AWS_ACCESS_KEY_ID"
                            + " and AWS_SECRET_ACCESS_KEY, or another source that the AWS SDK"
                            + " knows");
        }
    }

    @Test
    void aCacheThatCannotBeWrittenIsNamed() throws IOException {
        put("m.onnx", "weights");
        Path taken = Files.writeString(folder.resolve("cache"), "a file");
        try (ObjectStore store = store(server.endpoint())) {
            ObjectException failure = failureOf(() -> cache(store).file(address("m.onnx")));

            assertThat(failure.reason()).isEqualTo(Reason.DISK);
            assertThat(failure)
                    .hasMessageStartingWith(
                            "cannot use the local disk: path=" + taken + ", cause=");
        }
    }

    @Test
    void aKeyThatLeadsOutOfTheFolderIsRefused() {
        // S3 takes any text for a key; a server over a file system does not, so this one is made.
        try (ObjectStore store = store(server.endpoint())) {
            for (String key : new String[] {"set/../../x", "set//etc/x", "set/./x", "set/a/../b"}) {
                assertFailure(
                        () ->
                                cache(store)
                                        .local(
                                                address("set"),
                                                "set/",
                                                List.of(new StoredObject(key, 1, "\"t\""))),
                        Reason.BAD_ADDRESS,
                        "key cannot be a file: found=" + key + ", expected=names and slashes");
            }
        }
    }

    @Test
    void aFileThatIsThereIsNotSentAgain() throws IOException {
        try (ObjectStore store = store(server.endpoint())) {
            assertThat(store.put(file("one"), address("run/report.json"))).isTrue();
            assertThat(store.put(file("one"), address("run/report.json"))).isFalse();
            assertThat(store.put(file("two"), address("run/report.json"))).isTrue();

            assertThat(server.file(bucket, "run/report.json")).hasContent("two");
        }
    }

    private ObjectStore store(URI endpoint) {
        return ObjectStore.at(
                endpoint, S3Server.REGION, S3Server.ACCESS_KEY_ID, S3Server.SECRET_ACCESS_KEY);
    }

    private ObjectCache cache(ObjectStore store) {
        return new ObjectCache(folder.resolve("cache"), store);
    }

    private ObjectAddress address(String key) {
        return new ObjectAddress(bucket, key);
    }

    private void put(String key, String content) throws IOException {
        put(key, content.getBytes(UTF_8));
    }

    private void put(String key, byte[] content) throws IOException {
        try (ObjectStore store = store(server.endpoint())) {
            store.put(Files.write(folder.resolve("to-put"), content), address(key));
        }
    }

    private Path file(String content) {
        try {
            return Files.writeString(folder.resolve("to-put"), content);
        } catch (IOException e) {
            return fail(e);
        }
    }

    private static byte[] noise() {
        byte[] noise = new byte[MANY_BYTES];
        new Random(1).nextBytes(noise);
        return noise;
    }

    private static Set<String> files(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            Set<String> names = new TreeSet<>();
            files.filter(Files::isRegularFile)
                    .forEach(file -> names.add(folder.relativize(file).toString()));
            return names;
        }
    }

    private static ObjectException failureOf(Runnable call) {
        try {
            call.run();
        } catch (ObjectException e) {
            return e;
        }
        return fail("no failure");
    }

    private static void assertFailure(Runnable call, Reason reason, String message) {
        ObjectException failure = failureOf(call);
        assertThat(failure).hasMessage(message);
        assertThat(failure.reason()).isEqualTo(reason);
    }
}
