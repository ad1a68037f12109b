package io.abmesh.objects;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Objects as local files, each content once, in a bounded number of bytes:
 *
 * <pre>
 * NAME-DIGEST/       whole; the digest is over store, address, keys, sizes and tags. Its time is
 *                    when a use of it began or ended last
 * NAME-DIGEST.part/  on its way, or left by a process that was killed
 * NAME-DIGEST.lock   empty; shared by who uses it
 * fetch.lock         held by who fetches
 * </pre>
 *
 * <p>What the store has is asked at every use, with one listing; it is fetched only if it is not
 * there. Before that, contents make room that nobody uses, the one whose last use is longest ago
 * first, until both the bound and the disk have room. Several processes may share a folder: one
 * fetches, the others wait for it; none deletes what another uses. Within a process there is one
 * cache per folder. Thread-safe.
 */
public final class ObjectCache {
    /** Bytes that a cache takes unless told otherwise: {@value}, which are 16 GiB. */
    public static final long MAX_BYTES = 16L << 30;

    private static final int FETCHERS = 8;

    /** Bytes of the SHA-256 that name a content. */
    private static final int NAME_BYTES = 16;

    private final Path directory;
    private final ObjectStore store;
    private final CachedContents contents;
    private final Object fetching = new Object();

    /**
     * Makes a cache.
     *
     * @param directory made when it is first needed
     * @param store borrowed
     * @param maxBytes of all contents together; over it only for as long as all that is there is
     *     used
     * @param clock tells when a content was used
     */
    public ObjectCache(Path directory, ObjectStore store, long maxBytes, Clock clock) {
        this.directory = directory.toAbsolutePath();
        this.store = store;
        this.contents = new CachedContents(this.directory, maxBytes, clock);
    }

    /** Returns the folder that all programs of a user share unless told otherwise. */
    public static Path ofUser() {
        String caches = System.getenv("XDG_CACHE_HOME");
        Path parent =
                caches == null || caches.isBlank()
                        ? Path.of(System.getProperty("user.home"), ".cache")
                        : Path.of(caches);
        return parent.resolve("abmesh").resolve("objects");
    }

    /**
     * Returns a local folder with every object below an address, under their names from there on.
     *
     * @throws ObjectException of every reason
     */
    public ObjectUse folder(ObjectAddress address) {
        return local(address, address.prefix(), withoutMarkers(store.list(address)));
    }

    /**
     * Returns a local file with an object's content and its last name.
     *
     * @throws ObjectException of every reason
     */
    public ObjectUse file(ObjectAddress address) {
        if (address.key().isEmpty()) {
            throw new ObjectException(
                    ObjectException.Reason.BAD_ADDRESS,
                    "not an object: found=" + address + ", expected=s3://BUCKET/KEY");
        }
        String name = address.lastName();
        String prefix = address.key().substring(0, address.key().length() - name.length());
        return local(address, prefix, List.of(store.describe(address))).of(name);
    }

    /**
     * Leaves out empty objects that stand for folders: on a disk nothing is a file and a folder.
     *
     * @throws ObjectException BAD_ADDRESS for an object with content that other keys make a folder
     */
    static List<StoredObject> withoutMarkers(List<StoredObject> objects) {
        Set<String> folders = new HashSet<>();
        for (StoredObject object : objects) {
            String key = object.key();
            for (int cut = key.lastIndexOf('/'); cut > 0; cut = key.lastIndexOf('/', cut - 1)) {
                folders.add(key.substring(0, cut));
            }
        }
        List<StoredObject> files = new ArrayList<>();
        for (StoredObject object : objects) {
            if (!folders.contains(object.key())) {
                files.add(object);
            } else if (object.sizeBytes() > 0) {
                throw new ObjectException(
                        ObjectException.Reason.BAD_ADDRESS,
                        "key cannot be a file and a folder: found="
                                + object.key()
                                + " of "
                                + object.sizeBytes()
                                + " bytes, expected=no object of that name, or an empty one");
            }
        }
        return files;
    }

    ObjectUse local(ObjectAddress address, String prefix, List<StoredObject> objects) {
        String name = name(address, objects);
        try {
            Files.createDirectories(directory);
            ObjectUse use = contents.use(name);
            boolean there = false;
            try {
                if (!Files.isDirectory(use.path())) {
                    fetchOnce(address, prefix, objects, use.path());
                }
                there = true;
                return use;
            } finally {
                if (!there) {
                    use.close();
                }
            }
        } catch (IOException e) {
            throw ObjectStore.disk(directory, e);
        }
    }

    /** One download at a time: no other counts on the room that was made for it. */
    private void fetchOnce(
            ObjectAddress address, String prefix, List<StoredObject> objects, Path whole)
            throws IOException {
        synchronized (fetching) {
            try (FileChannel file = CachedContents.open(directory.resolve("fetch.lock"));
                    FileLock held = file.lock()) {
                if (held.isValid() && !Files.isDirectory(whole)) {
                    contents.makeRoom(
                            address, objects.stream().mapToLong(StoredObject::sizeBytes).sum());
                    Path part = whole.resolveSibling(whole.getFileName() + CachedContents.PART);
                    fetch(address, prefix, objects, part);
                    Files.move(part, whole, StandardCopyOption.ATOMIC_MOVE);
                }
            }
        }
    }

    /** Returns a name that people recognise and no other content has. */
    private String name(ObjectAddress address, List<StoredObject> objects) {
        MessageDigest digest = sha256();
        digest.update((store.name() + "\n" + address + "\n").getBytes(UTF_8));
        for (StoredObject object : objects) {
            digest.update(
                    "%s\n%d\n%s\n"
                            .formatted(object.key(), object.sizeBytes(), object.tag())
                            .getBytes(UTF_8));
        }
        return address.lastName().replaceAll("[^A-Za-z0-9._-]", "_")
                + "-"
                + HexFormat.of().formatHex(digest.digest(), 0, NAME_BYTES);
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    /** Fetches all of them or leaves nothing. */
    private void fetch(ObjectAddress address, String prefix, List<StoredObject> objects, Path part)
            throws IOException {
        boolean whole = false;
        try {
            Files.createDirectories(part);
            List<Runnable> fetches = new ArrayList<>();
            for (StoredObject object : objects) {
                Path file = file(part, object.key(), prefix);
                Files.createDirectories(requireNonNull(file.getParent(), "below the folder"));
                fetches.add(() -> store.get(address.bucket(), object, file));
            }
            all(fetches);
            whole = true;
        } finally {
            if (!whole) {
                CachedContents.delete(part);
            }
        }
    }

    /** A key is any text; what it names must lie in the folder, and be no other key's file. */
    private static Path file(Path folder, String key, String prefix) {
        String name = key.substring(prefix.length());
        try {
            Path file = folder.resolve(name);
            if (!name.contains("//")
                    && file.startsWith(folder)
                    && file.normalize().equals(file)
                    && !file.equals(folder)) {
                return file;
            }
        } catch (InvalidPathException e) {
            // told below
        }
        throw new ObjectException(
                ObjectException.Reason.BAD_ADDRESS,
                "key cannot be a file: found=" + key + ", expected=names and slashes");
    }

    /** Does all of them, a few at a time; after a failure begins no more. */
    private static void all(List<Runnable> fetches) {
        AtomicInteger number = new AtomicInteger();
        ExecutorService fetchers =
                Executors.newFixedThreadPool(
                        Math.min(FETCHERS, fetches.size()),
                        task -> {
                            Thread thread =
                                    new Thread(task, "object-fetch-" + number.incrementAndGet());
                            thread.setDaemon(true);
                            return thread;
                        });
        try {
            ExecutorCompletionService<Void> done = new ExecutorCompletionService<>(fetchers);
            for (Runnable fetch : fetches) {
                Future<Void> unused = done.submit(fetch, null);
            }
            for (int i = 0; i < fetches.size(); i++) {
                done.take().get();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ObjectException(
                    ObjectException.Reason.UNREACHABLE, "interrupted while it fetched", e);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException failure) {
                throw failure;
            }
            throw new IllegalStateException(e.getCause());
        } finally {
            fetchers.shutdownNow();
            awaitEnd(fetchers);
        }
    }

    /** None of them may write when their folder is deleted. */
    private static void awaitEnd(ExecutorService fetchers) {
        boolean interrupted = false;
        while (true) {
            try {
                if (fetchers.awaitTermination(1, TimeUnit.SECONDS)) {
                    break;
                }
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
