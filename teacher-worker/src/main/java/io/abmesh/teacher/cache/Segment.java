package io.abmesh.teacher.cache;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * One append-only file of the cache: records one after the other, little-endian.
 *
 * <pre>
 *  0  int32  CRC-32C of bytes 4 to 43
 *  4  int32  length of the value in bytes, positive
 *  8  int32  CRC-32C of the value
 * 12  int64  context, first half
 * 20  int64  context, second half
 * 28  int64  sample id
 * 36  int64  augmentation id
 * 44  the value
 * </pre>
 *
 * The header's own checksum lets {@link #scan} walk from record to record without reading values;
 * the value's is checked when it is read. What follows the last whole record is what a killed
 * process left and is cut off.
 */
final class Segment implements AutoCloseable {
    static final int HEADER_BYTES = 44;

    private static final int WINDOW_BYTES = 1 << 20;

    /** Where a value lies. */
    record Location(Segment segment, long position, int length) {}

    /** A record found by {@link #scan}. */
    record Found(CacheKey key, Location location) {}

    private final Path path;
    private final SegmentFile file;
    private final long number;
    private long sizeBytes;
    private long lastUse;

    /** Opens a segment file, new or not; {@link #scan} must come before anything else. */
    Segment(Path path, long number, SegmentFile.Opener opener) throws IOException {
        this.path = path;
        this.number = number;
        this.file = opener.open(path);
    }

    long number() {
        return number;
    }

    long sizeBytes() {
        return sizeBytes;
    }

    /** Number of the use that touched it last; the cache evicts the smallest. */
    long lastUse() {
        return lastUse;
    }

    void touch(long use) {
        lastUse = use;
    }

    /** Finds the records of the file and cuts off what follows the last whole one. */
    List<Found> scan() throws IOException {
        List<Found> found = new ArrayList<>();
        long end = file.size();
        long position = 0;
        ByteBuffer window = ByteBuffer.allocate(WINDOW_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        long windowStart = 0;
        window.limit(0);
        while (position + HEADER_BYTES <= end) {
            if (position < windowStart || position + HEADER_BYTES > windowStart + window.limit()) {
                windowStart = position;
                window.clear();
                file.read(window, windowStart);
                window.flip();
            }
            ByteBuffer header =
                    window.slice((int) (position - windowStart), HEADER_BYTES)
                            .order(ByteOrder.LITTLE_ENDIAN);
            int length = header.getInt(4);
            if (header.getInt(0) != crc(header.slice(4, HEADER_BYTES - 4))
                    || length <= 0
                    || position + HEADER_BYTES + length > end) {
                break;
            }
            CacheKey key =
                    new CacheKey(
                            new TensorContext(header.getLong(12), header.getLong(20)),
                            header.getLong(28),
                            header.getLong(36));
            found.add(new Found(key, new Location(this, position, length)));
            position += HEADER_BYTES + length;
        }
        if (position < end) {
            file.truncate(position);
        }
        sizeBytes = position;
        return found;
    }

    /** Bytes that a record with that value takes. */
    static long recordBytes(int valueLength) {
        return (long) HEADER_BYTES + valueLength;
    }

    /** Puts a record into a buffer. */
    static void encode(CacheKey key, byte[] value, ByteBuffer target) {
        ByteBuffer header =
                target.slice(target.position(), HEADER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        header.putInt(4, value.length);
        header.putInt(8, crc(ByteBuffer.wrap(value)));
        header.putLong(12, key.context().high());
        header.putLong(20, key.context().low());
        header.putLong(28, key.sampleId());
        header.putLong(36, key.augmentationId());
        header.putInt(0, crc(header.slice(4, HEADER_BYTES - 4)));
        target.position(target.position() + HEADER_BYTES);
        target.put(value);
    }

    /**
     * Writes encoded records at the end. After an exception the file may have a torn end, which the
     * next append overwrites.
     */
    void append(ByteBuffer records) throws IOException {
        int length = records.remaining();
        file.write(records, sizeBytes);
        sizeBytes += length;
    }

    /** Returns the value, or null if its bytes are no longer those that were written. */
    byte @Nullable [] read(Location location) throws IOException {
        ByteBuffer bytes =
                ByteBuffer.allocate(HEADER_BYTES + location.length())
                        .order(ByteOrder.LITTLE_ENDIAN);
        file.read(bytes, location.position());
        if (bytes.hasRemaining()) {
            return null;
        }
        byte[] value = new byte[location.length()];
        bytes.get(HEADER_BYTES, value);
        return bytes.getInt(8) == crc(ByteBuffer.wrap(value)) ? value : null;
    }

    /** Closes and deletes the file. */
    void delete() throws IOException {
        file.close();
        Files.deleteIfExists(path);
    }

    @Override
    public void close() throws IOException {
        file.close();
    }

    private static int crc(ByteBuffer bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes);
        return (int) crc.getValue();
    }
}
