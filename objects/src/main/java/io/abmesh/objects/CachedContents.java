package io.abmesh.objects;

import static java.util.Objects.requireNonNull;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What lies in the folder of an {@link ObjectCache}, who uses it, and what goes when room is
 * needed. Thread-safe but for {@link #makeRoom}, which is for who holds the folder's fetch lock.
 */
final class CachedContents {
    /** Ending of a folder that is not whole: {@value}. */
    static final String PART = ".part";

    private static final Logger LOG = System.getLogger(CachedContents.class.getName());
    private static final String LOCK = ".lock";
    private static final String NAME = ".+-[0-9a-f]{32}";
    private static final Pattern WHOLE = Pattern.compile(NAME);
    private static final Pattern NOT_WHOLE = Pattern.compile(NAME + "\\" + PART);

    private final Path directory;
    private final long maxBytes;
    private final Clock clock;
    private final Object lock = new Object();

    /**
     * A process has one channel to a lock file: closing another would end its lock, since a lock
     * belongs to process and file.
     */
    @GuardedBy("lock")
    private final Map<String, Shared> used = new HashMap<>();

    CachedContents(Path directory, long maxBytes, Clock clock) {
        this.directory = directory;
        this.maxBytes = maxBytes;
        this.clock = clock;
    }

    /** The lock that this process shares with others, for all of its uses of one content. */
    private static final class Shared {
        private final FileChannel channel;
        private int uses;

        Shared(FileChannel channel) {
            this.channel = channel;
        }
    }

    /** A content that is there. */
    private record Content(Path folder, long sizeBytes, FileTime lastUse) {
        String name() {
            return folder.getFileName().toString();
        }
    }

    /** Begins a use of a content, whether it is there or not; a deletion in hand ends first. */
    ObjectUse use(String name) throws IOException {
        synchronized (lock) {
            Shared shared = used.get(name);
            if (shared == null) {
                shared = share(name);
                used.put(name, shared);
            }
            shared.uses++;
        }
        return new ObjectUse(directory.resolve(name), () -> end(name));
    }

    @GuardedBy("lock")
    private Shared share(String name) throws IOException {
        FileChannel channel = open(directory.resolve(name + LOCK));
        boolean held = false;
        try {
            FileLock shared = channel.lock(0, Long.MAX_VALUE, true);
            held = shared.isValid();
            touch(name);
            return new Shared(channel);
        } finally {
            if (!held) {
                channel.close();
            }
        }
    }

    private void end(String name) {
        synchronized (lock) {
            Shared shared = requireNonNull(used.get(name), "a use that has begun");
            shared.uses--;
            if (shared.uses > 0) {
                return;
            }
            used.remove(name);
            touch(name);
            try {
                shared.channel.close();
            } catch (IOException e) {
                throw new UncheckedIOException("lock of " + name, e);
            }
        }
    }

    /**
     * Writes down that a content is used now, at its folder: to touch the lock's file would open
     * and close it, which ends the lock. Without the right to, it counts as unused since before.
     */
    private void touch(String name) {
        try {
            Files.setLastModifiedTime(directory.resolve(name), FileTime.from(clock.instant()));
        } catch (IOException e) {
            LOG.log(Level.DEBUG, "Use is not written down content={0} cause={1}", name, e);
        }
    }

    static FileChannel open(Path file) throws IOException {
        return FileChannel.open(
                file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    }

    /**
     * Deletes what killed processes left, and then contents that nobody uses, the longest unused
     * first, until there is room for another.
     *
     * @param address of the other, for the message
     * @throws ObjectException DISK if there cannot be
     */
    void makeRoom(ObjectAddress address, long neededBytes) throws IOException {
        for (Path part : folders(NOT_WHOLE)) {
            delete(part);
        }
        if (neededBytes > maxBytes) {
            throw noRoom("cache of objects is too small", address, maxBytes, neededBytes);
        }
        FileStore disk = Files.getFileStore(directory);
        List<Content> contents = contents();
        long heldBytes = contents.stream().mapToLong(Content::sizeBytes).sum();
        if (disk.getUsableSpace() + heldBytes < neededBytes) {
            throw noRoom(
                    "disk is too full for objects", address, disk.getUsableSpace(), neededBytes);
        }
        for (Content content : contents) {
            if (heldBytes + neededBytes <= maxBytes && disk.getUsableSpace() >= neededBytes) {
                break;
            }
            if (deleteUnused(content)) {
                heldBytes -= content.sizeBytes();
            }
        }
        if (heldBytes + neededBytes > maxBytes) {
            throw noRoom(
                    "cache of objects is full of what is in use",
                    address,
                    maxBytes - heldBytes,
                    neededBytes);
        }
        if (disk.getUsableSpace() < neededBytes) {
            throw noRoom(
                    "disk is too full for objects", address, disk.getUsableSpace(), neededBytes);
        }
    }

    private ObjectException noRoom(
            String what, ObjectAddress address, long foundBytes, long neededBytes) {
        return new ObjectException(
                ObjectException.Reason.DISK,
                "%s: address=%s, found=%d bytes free, expected=%d, path=%s"
                        .formatted(what, address, foundBytes, neededBytes, directory));
    }

    /** Returns what is there, the longest unused first. */
    private List<Content> contents() throws IOException {
        List<Content> contents = new ArrayList<>();
        for (Path folder : folders(WHOLE)) {
            contents.add(new Content(folder, sizeBytes(folder), Files.getLastModifiedTime(folder)));
        }
        contents.sort(Comparator.comparing(Content::lastUse));
        return contents;
    }

    private List<Path> folders(Pattern name) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.filter(file -> name.matcher(file.getFileName().toString()).matches())
                    .filter(Files::isDirectory)
                    .toList();
        }
    }

    private static long sizeBytes(Path folder) throws IOException {
        long size = 0;
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                size += Files.size(file);
            }
        }
        return size;
    }

    private boolean deleteUnused(Content content) throws IOException {
        synchronized (lock) {
            if (used.containsKey(content.name())) {
                return false;
            }
            try (FileChannel channel = open(directory.resolve(content.name() + LOCK));
                    FileLock alone = channel.tryLock()) {
                if (alone == null) {
                    return false; // another process uses it
                }
                // A process that is killed on the way leaves a part, not a torn content.
                Path part = content.folder().resolveSibling(content.name() + PART);
                Files.move(content.folder(), part);
                delete(part);
                return true;
            }
        }
    }

    /** Deletes a folder and all that is in it, if it is there. */
    static void delete(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            return;
        }
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
