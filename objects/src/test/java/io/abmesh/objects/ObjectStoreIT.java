package io.abmesh.objects;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.abmesh.objects.ObjectException.Reason;
import io.abmesh.s3.S3Server;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
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

    /** Exit code of the scripts where the system allows no mount of one's own. */
    private static final int NO_MOUNT = 99;

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
            Path fetched = cache(store).folder(address("sets/digits")).path();

            assertThat(files(fetched)).containsExactly("test/1/b.png", "train/0/a.png");
            assertThat(fetched.resolve("train/0/a.png")).hasContent("zero");
            assertThat(fetched.getFileName().toString()).matches("digits-[0-9a-f]{32}");
        }
    }

    @Test
    void anObjectIsFetchedUnderItsName() throws IOException {
        put("teachers/wrn.onnx", "weights");

        try (ObjectStore store = store(server.endpoint())) {
            Path fetched = cache(store).file(address("teachers/wrn.onnx")).path();

            assertThat(fetched).hasFileName("wrn.onnx").hasContent("weights");
        }
    }

    @Test
    void whatIsInTheCacheIsNotFetchedAgain() throws IOException {
        put("m.onnx", "weights");
        try (ObjectStore store = store(server.endpoint())) {
            ObjectCache cache = cache(store);
            Path first = cache.file(address("m.onnx")).path();
            Files.writeString(first, "a mark that a second fetch would wipe out");

            Path second = cache.file(address("m.onnx")).path();

            assertThat(second)
                    .isEqualTo(first)
                    .hasContent("a mark that a second fetch would wipe out");
        }
    }

    @Test
    void anObjectThatChangedIsFetchedBesideTheOneBefore() throws IOException {
        put("m.onnx", "old");
        try (ObjectStore store = store(server.endpoint())) {
            ObjectCache cache = cache(store);
            Path before = cache.file(address("m.onnx")).path();
            put("m.onnx", "new");

            Path after = cache.file(address("m.onnx")).path();

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
            Path fetched = cache(store).file(address("big.bin")).path();

            assertThat(fetched).hasBinaryContent(noise);
            assertThat(proxy.cutsLeft()).isZero();
        }
    }

    @Test
    void whatAKilledProcessLeftIsSweptAway() throws IOException {
        put("set/a.bin", "whole");
        try (ObjectStore store = store(server.endpoint())) {
            ObjectCache cache = cache(store);
            Path first = path(cache.folder(address("set")));
            Path part = first.resolveSibling(first.getFileName() + ".part");
            Files.move(first, part);
            Files.writeString(part.resolve("a.bin"), "who");
            Files.writeString(part.resolve("b.bin"), "of an earlier listing");

            Path second = path(cache.folder(address("set")));

            assertThat(files(second)).containsExactly("a.bin");
            assertThat(second.resolve("a.bin")).hasContent("whole");
            assertThat(part).doesNotExist();
        }
    }

    @Test
    void whatWasUsedLongestAgoMakesRoomForWhatIsNeeded() throws IOException {
        for (String key : List.of("a.bin", "b.bin", "c.bin")) {
            put(key, new byte[400]);
        }
        MinutesClock clock = new MinutesClock();
        try (ObjectStore store = store(server.endpoint())) {
            ObjectCache cache = cache(store, 1000, clock);
            Path a = path(cache.file(address("a.bin")));
            Path b = path(cache.file(address("b.bin")));
            assertThat(path(cache.file(address("a.bin")))).isEqualTo(a);

            Path c = path(cache.file(address("c.bin")));

            assertThat(c).exists();
            assertThat(a).exists();
            assertThat(b).doesNotExist();
            assertThat(b.getParent()).doesNotExist();
        }
    }

    @Test
    void whatIsUsedIsNeverDeleted() throws IOException {
        put("a.bin", new byte[400]);
        put("b.bin", new byte[700]);
        MinutesClock clock = new MinutesClock();
        try (ObjectStore store = store(server.endpoint())) {
            ObjectCache cache = cache(store, 1000, clock);
            ObjectUse first = cache.file(address("a.bin"));
            ObjectUse second = cache.file(address("a.bin"));
            first.close();
            first.close();

            assertFailure(
                    () -> cache.file(address("b.bin")),
                    Reason.DISK,
                    "cache of objects is full of what is in use: address=%s, found=600 bytes free, expected=700, path=%s"
                            .formatted(address("b.bin"), folder.resolve("cache")));
            assertThat(first.path()).exists();

            second.close();
            assertThat(cache.file(address("b.bin")).path()).hasSize(700);
            assertThat(first.path()).doesNotExist();
        }
    }

    @Test
    void whatAnotherProcessUsesIsNotDeletedEither() throws IOException {
        put("set/a.bin", new byte[400]);
        put("b.bin", new byte[700]);
        Process user = FetchingProcess.start(fetching(1000, "set"));
        String used =
                new BufferedReader(new InputStreamReader(user.getInputStream(), UTF_8)).readLine();
        try (ObjectStore store = store(server.endpoint())) {
            ObjectCache cache = cache(store, 1000, new MinutesClock());
            assertThat(failureOf(() -> cache.file(address("b.bin"))))
                    .hasMessageStartingWith("cache of objects is full of what is in use: ");
            assertThat(Path.of(used).resolve("a.bin")).hasSize(400);

            assertThat(FetchingProcess.output(user)).isEmpty();
            assertThat(cache.file(address("b.bin")).path()).hasSize(700);
            assertThat(Path.of(used)).doesNotExist();
        }
    }

    @Test
    void whatIsLargerThanTheCacheTakesNothingFromIt() throws IOException {
        put("a.bin", new byte[400]);
        put("b.bin", new byte[1001]);
        try (ObjectStore store = store(server.endpoint())) {
            ObjectCache cache = cache(store, 1000, new MinutesClock());
            Path a = path(cache.file(address("a.bin")));

            assertFailure(
                    () -> cache.file(address("b.bin")),
                    Reason.DISK,
                    "cache of objects is too small: address=%s, found=1000 bytes free, expected=1001, path=%s"
                            .formatted(address("b.bin"), folder.resolve("cache")));
            assertThat(a).exists();
        }
    }

    @Test
    void onASmallDiskWhatIsUnusedGoesBeforeTheBoundIsReached() throws Exception {
        put("a/1.bin", new byte[500_000]);
        put("b/1.bin", new byte[500_000]);
        put("c/1.bin", new byte[900_000]);

        List<String> said = onDisk("size=800k", "a", "b", "c");

        assertThat(said.get(0)).contains("/a-");
        assertThat(said.get(1)).contains("/b-");
        assertThat(said.get(2))
                .matches(
                        "DISK: disk is too full for objects: address=%s, found=\\d+ bytes free, expected=900000, path=.*"
                                .formatted(address("c")));
        assertThat(contents(said)).singleElement().asString().startsWith("b-");
    }

    @Test
    void ofADownloadThatFillsTheDiskNothingIsLeft() throws Exception {
        for (int i = 0; i < 12; i++) {
            put("many/" + i + ".txt", "content " + i);
        }
        put("one/0.txt", "content");

        List<String> said = onDisk("nr_inodes=10", "many", "one");

        assertThat(said.get(0))
                .matches(
                        "DISK: local disk does not take an object: address=%s/[0-9]+.txt, found=.*No space left on device, expected=room for [0-9]+ bytes, path=.*"
                                .formatted(address("many")));
        assertThat(said.get(1)).contains("/one-");
        assertThat(contents(said)).singleElement().asString().startsWith("one-");
    }

    /**
     * Has one process after the other fetch a folder of objects into a cache on a small disk of
     * memory; returns what they say, and then the names of what is in the cache.
     */
    private List<String> onDisk(String limit, String... keys) throws Exception {
        Files.createDirectories(folder.resolve("cache"));
        StringBuilder script =
                new StringBuilder("mount -t tmpfs -o " + limit + " small cache || exit 99\n");
        for (String key : keys) {
            fetching(ObjectCache.MAX_BYTES, key)
                    .forEach(word -> script.append('\'').append(word).append("' "));
            script.append("< /dev/null\n");
        }
        script.append("ls cache\n");
        Process process =
                new ProcessBuilder(
                                "unshare",
                                "--mount",
                                "--map-root-user",
                                "sh",
                                "-c",
                                script.toString())
                        .directory(folder.toFile())
                        .redirectError(ProcessBuilder.Redirect.INHERIT)
                        .start();
        List<String> said = FetchingProcess.output(process).lines().toList();
        assumeTrue(process.waitFor() != NO_MOUNT, "no mount of one's own here");
        return said;
    }

    private static List<String> contents(List<String> said) {
        return said.stream().filter(name -> name.matches("[a-z]+-[0-9a-f]{32}(\\.part)?")).toList();
    }

    /** A clock of which a minute goes by at each look. */
    private static final class MinutesClock extends Clock {
        private Instant now = Instant.parse("2026-01-01T00:00:00Z");

        @Override
        public Instant instant() {
            now = now.plusSeconds(60);
            return now;
        }

        @Override
        public ZoneId getZone() {
            return ZoneOffset.UTC;
        }

        @Override
        public Clock withZone(ZoneId zone) {
            return this;
        }
    }

    @Test
    void twoProcessesAtOnceComeToTheSameFolder() throws IOException {
        for (int i = 0; i < 20; i++) {
            put("set/" + i + ".txt", "content " + i);
        }
        Process first = FetchingProcess.start(fetching(ObjectCache.MAX_BYTES, "set"));
        Process second = FetchingProcess.start(fetching(ObjectCache.MAX_BYTES, "set"));

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
            for (String key :
                    new String[] {
                        "set/../../x", "set//etc/x", "set/./x", "set/a/../b", "set/a//b"
                    }) {
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
        return cache(store, ObjectCache.MAX_BYTES, Clock.systemUTC());
    }

    private ObjectCache cache(ObjectStore store, long maxBytes, Clock clock) {
        return new ObjectCache(folder.resolve("cache"), store, maxBytes, clock);
    }

    /** Returns where something is that is used no longer. */
    private static Path path(ObjectUse use) {
        use.close();
        return use.path();
    }

    private List<String> fetching(long maxBytes, String key) {
        return FetchingProcess.command(
                server.endpoint().toString(),
                S3Server.REGION,
                S3Server.ACCESS_KEY_ID,
                S3Server.SECRET_ACCESS_KEY,
                folder.resolve("cache").toString(),
                String.valueOf(maxBytes),
                address(key).toString());
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
