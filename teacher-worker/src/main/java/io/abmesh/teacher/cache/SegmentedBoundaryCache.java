package io.abmesh.teacher.cache;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * A cache in a folder of append-only files ({@link Segment}) with an index in memory that is
 * rebuilt at the start.
 *
 * <p>Bounded in bytes: before a segment would go beyond, the segments that were not used for
 * longest are deleted whole, so that eviction is least-recently-used with a grain of a sixteenth of
 * the bound. Bounded in entries too ({@value #MAX_ENTRIES}), since the index takes about 150 bytes
 * of heap for each. {@link Admission#UNUSED} values push out only segments that nobody used since
 * the folder was opened.
 *
 * <p>Safe against a kill at any moment: a torn record at the end of a segment is cut off at the
 * next start, and a damaged value is found by its checksum and not returned. Nothing is synced:
 * what a power failure takes is computed again.
 *
 * <p>When the disk is full, or fails, it says so once and stops writing; what it has can still be
 * read.
 *
 * <p>One process at a time: the folder is locked by the file {@code lock}. Thread-safe.
 */
public final class SegmentedBoundaryCache implements BoundaryCache {
    /** Values that the index holds at most. */
    public static final int MAX_ENTRIES = 4_000_000;

    private static final Logger LOG = Logger.getLogger(SegmentedBoundaryCache.class);
    private static final int SEGMENTS = 16;
    private static final long MIN_SEGMENT_BYTES = 64 << 10;
    private static final long MAX_SEGMENT_BYTES = 64 << 20;
    private static final long MAX_WRITE_BYTES = 4 << 20;
    private static final Pattern NAME = Pattern.compile("segment-([0-9]{10})\\.bin");

    private final Path directory;
    private final long maxBytes;
    private final long segmentBytes;
    private final SegmentFile.Opener opener;
    private final FileChannel lockChannel;
    private final Object lock = new Object();

    @GuardedBy("lock")
    private final Map<CacheKey, Segment.Location> index = new HashMap<>();

    @GuardedBy("lock")
    private final Map<Segment, List<CacheKey>> keys = new HashMap<>();

    @GuardedBy("lock")
    private final Deque<Segment> segments = new ArrayDeque<>();

    @GuardedBy("lock")
    private long totalBytes;

    @GuardedBy("lock")
    private long uses;

    /** Uses before the first one of this process. */
    @GuardedBy("lock")
    private long usesBefore;

    @GuardedBy("lock")
    private boolean writable = true;

    private SegmentedBoundaryCache(
            Path directory, long maxBytes, SegmentFile.Opener opener, FileChannel lockChannel) {
        this.directory = directory;
        this.maxBytes = maxBytes;
        this.segmentBytes =
                Math.max(MIN_SEGMENT_BYTES, Math.min(MAX_SEGMENT_BYTES, maxBytes / SEGMENTS));
        this.opener = opener;
        this.lockChannel = lockChannel;
    }

    /**
     * Opens the cache of a folder, which is created if it is missing.
     *
     * @param maxBytes bound of its files, at least 1 MiB
     * @return nothing if another process has it open
     * @throws IOException if the folder cannot be read or written
     */
    public static Optional<SegmentedBoundaryCache> open(Path directory, long maxBytes)
            throws IOException {
        return open(directory, maxBytes, SegmentFile::open);
    }

    static Optional<SegmentedBoundaryCache> open(
            Path directory, long maxBytes, SegmentFile.Opener opener) throws IOException {
        if (maxBytes < 1 << 20) {
            throw new IllegalArgumentException(
                    "cache is too small: found=" + maxBytes + " bytes, expected at least=1 MiB");
        }
        Files.createDirectories(directory);
        FileChannel channel =
                FileChannel.open(
                        directory.resolve("lock"),
                        StandardOpenOption.CREATE,
                        StandardOpenOption.WRITE);
        if (!tryLock(channel)) {
            channel.close();
            return Optional.empty();
        }
        SegmentedBoundaryCache cache =
                new SegmentedBoundaryCache(directory, maxBytes, opener, channel);
        try {
            cache.load();
        } catch (IOException e) {
            cache.close();
            throw e;
        }
        return Optional.of(cache);
    }

    @Override
    public byte @Nullable [] get(CacheKey key) {
        synchronized (lock) {
            Segment.Location location = index.get(key);
            if (location == null) {
                return null;
            }
            try {
                byte[] value = location.segment().read(location);
                if (value == null) {
                    index.remove(key);
                    LOG.warnf("Cached value is damaged sample=%d", key.sampleId());
                } else {
                    location.segment().touch(++uses);
                }
                return value;
            } catch (IOException e) {
                index.remove(key);
                stopWriting(e);
                return null;
            }
        }
    }

    @Override
    public void putAll(List<Map.Entry<CacheKey, byte[]>> values, Admission admission) {
        synchronized (lock) {
            List<Map.Entry<CacheKey, byte[]>> missing = new ArrayList<>();
            for (Map.Entry<CacheKey, byte[]> value : values) {
                Segment.Location there = index.get(value.getKey());
                if (there == null || there.length() != value.getValue().length) {
                    missing.add(value);
                }
            }
            int from = 0;
            try {
                while (writable && from < missing.size()) {
                    from = putRun(missing, from, admission);
                }
            } catch (IOException e) {
                stopWriting(e);
            }
        }
    }

    /**
     * Writes, with one call, as many values as fit the active segment; returns the place of the
     * first that is left, none if there is no room.
     */
    @GuardedBy("lock")
    private int putRun(List<Map.Entry<CacheKey, byte[]>> values, int from, Admission admission)
            throws IOException {
        long first = Segment.recordBytes(values.get(from).getValue().length);
        if (first > segmentBytes) {
            return from + 1; // A value of that size would push out everything else.
        }
        Segment segment = activeFor(first);
        long room = segmentBytes - segment.sizeBytes();
        long bytes = 0;
        int to = from;
        while (to < values.size()) {
            long size = Segment.recordBytes(values.get(to).getValue().length);
            if (bytes + size > room || (bytes > 0 && bytes + size > MAX_WRITE_BYTES)) {
                break;
            }
            bytes += size;
            to++;
        }
        if (!makeRoom(bytes, segment, admission)) {
            return values.size();
        }
        ByteBuffer records = ByteBuffer.allocate(Math.toIntExact(bytes));
        List<Segment.Found> written = new ArrayList<>(to - from);
        for (int i = from; i < to; i++) {
            Map.Entry<CacheKey, byte[]> value = values.get(i);
            long position = segment.sizeBytes() + records.position();
            Segment.encode(value.getKey(), value.getValue(), records);
            written.add(
                    new Segment.Found(
                            value.getKey(),
                            new Segment.Location(segment, position, value.getValue().length)));
        }
        segment.append(records.flip());
        segment.touch(++uses);
        totalBytes += bytes;
        register(segment, written);
        return to;
    }

    /** The newest segment if that many bytes fit, else a new one. */
    @GuardedBy("lock")
    private Segment activeFor(long bytes) throws IOException {
        Segment newest = segments.peekLast();
        if (newest != null && newest.sizeBytes() + bytes <= segmentBytes) {
            return newest;
        }
        long number = newest == null ? 1 : newest.number() + 1;
        Segment segment = new Segment(path(number), number, opener);
        segment.scan();
        segments.addLast(segment);
        keys.put(segment, new ArrayList<>());
        return segment;
    }

    /**
     * Deletes the segments used least recently, but never the one that is written, and none that
     * the admission protects; returns whether there is room now.
     */
    @GuardedBy("lock")
    private boolean makeRoom(long bytes, Segment active, Admission admission) throws IOException {
        while (totalBytes + bytes > maxBytes || index.size() >= MAX_ENTRIES) {
            Optional<Segment> oldest =
                    segments.stream()
                            .filter(segment -> segment != active)
                            .min(Comparator.comparingLong(Segment::lastUse));
            if (oldest.isEmpty()) {
                return true; // All that there is lies in the segment that is written.
            }
            if (admission == Admission.UNUSED && oldest.get().lastUse() > usesBefore) {
                return false;
            }
            evict(oldest.get());
        }
        return true;
    }

    @GuardedBy("lock")
    private void evict(Segment segment) throws IOException {
        segments.remove(segment);
        totalBytes -= segment.sizeBytes();
        List<CacheKey> gone = keys.remove(segment);
        for (CacheKey key : gone == null ? List.<CacheKey>of() : gone) {
            Segment.Location location = index.get(key);
            if (location != null && location.segment() == segment) {
                index.remove(key);
            }
        }
        segment.delete();
    }

    @GuardedBy("lock")
    private void register(Segment segment, List<Segment.Found> records) {
        List<CacheKey> ofSegment = keys.computeIfAbsent(segment, s -> new ArrayList<>());
        for (Segment.Found record : records) {
            index.put(record.key(), record.location());
            ofSegment.add(record.key());
        }
    }

    @GuardedBy("lock")
    private void stopWriting(IOException cause) {
        if (writable) {
            writable = false;
            LOG.warnf(
                    "Boundary cache takes nothing more folder=%s cause=%s",
                    directory, cause.getMessage());
        }
    }

    private void load() throws IOException {
        List<Long> numbers = new ArrayList<>();
        try (Stream<Path> files = Files.list(directory)) {
            files.forEach(
                    file -> {
                        Matcher name = NAME.matcher(String.valueOf(file.getFileName()));
                        if (name.matches()) {
                            numbers.add(Long.parseLong(name.group(1)));
                        }
                    });
        }
        numbers.sort(Comparator.naturalOrder());
        synchronized (lock) {
            for (long number : numbers) {
                Segment segment = new Segment(path(number), number, opener);
                segments.addLast(segment);
                List<Segment.Found> records = segment.scan();
                segment.touch(++uses);
                totalBytes += segment.sizeBytes();
                register(segment, records);
            }
            Segment newest = segments.peekLast();
            if (newest != null) {
                makeRoom(0, newest, Admission.LEAST_RECENT);
            }
            usesBefore = uses;
        }
    }

    private Path path(long number) {
        return directory.resolve(String.format("segment-%010d.bin", number));
    }

    @Override
    public long sizeBytes() {
        synchronized (lock) {
            return totalBytes;
        }
    }

    /** Values that it holds. */
    public int entryCount() {
        synchronized (lock) {
            return index.size();
        }
    }

    /** Closes the files and lets the folder go. */
    @Override
    public void close() {
        synchronized (lock) {
            writable = false;
            index.clear();
            keys.clear();
            try {
                for (Segment segment : segments) {
                    segment.close();
                }
                lockChannel.close(); // Releases the lock.
            } catch (IOException e) {
                LOG.warnf(
                        "Boundary cache did not close folder=%s cause=%s",
                        directory, e.getMessage());
            }
            segments.clear();
        }
    }

    private static boolean tryLock(FileChannel channel) throws IOException {
        try {
            FileLock held = channel.tryLock();
            return held != null;
        } catch (OverlappingFileLockException e) {
            return false; // This process has it open already.
        }
    }
}
