package io.abmesh.coordinator.store;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.RunEvent;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * What happened in a run, in order, on disk.
 *
 * <pre>
 * record = | length, int32 BE | CRC-32C of the bytes, int32 BE | RunEvent, length bytes |
 * </pre>
 *
 * <p>Records are only appended. A record at the end that is cut short or altered is dropped when
 * the journal is opened, as a writer that was killed leaves it. One with a good record anywhere
 * behind it is none of a killed writer's, and the journal is refused: what follows cannot be
 * trusted and must not be lost silently. Events that end something are forced to the disk at once;
 * steps are not, since a step that is lost with the machine is computed again from the student's
 * checkpoint. In memory there are eight bytes per event.
 *
 * <p>Thread-safe.
 */
public final class Journal implements AutoCloseable {
    private static final int HEADER = 2 * Integer.BYTES;

    /** Bytes of an event: {@value}. A longer record counts as none when the journal is opened. */
    static final int MAX_RECORD = 1 << 20;

    private final Object lock = new Object();
    private final FileChannel channel;
    private long[] offsets = new long[1024];
    private int count;
    private long end;

    private Journal(FileChannel channel) {
        this.channel = channel;
    }

    /**
     * Opens or makes a journal.
     *
     * @throws MeshException JOURNAL_CORRUPT if a record before the last is damaged; the file is as
     *     it was then
     */
    public static Journal open(Path file) throws IOException {
        return open(
                FileChannel.open(
                        file,
                        StandardOpenOption.CREATE,
                        StandardOpenOption.READ,
                        StandardOpenOption.WRITE),
                file);
    }

    /** Likewise, by a channel; taken. */
    static Journal open(FileChannel channel, Path file) throws IOException {
        Journal journal = new Journal(channel);
        try {
            journal.recover(file);
            return journal;
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
    }

    private void recover(Path file) throws IOException {
        synchronized (lock) {
            long size = channel.size();
            for (int length = goodAt(end, size); length > 0; length = goodAt(end, size)) {
                remember(end);
                end += HEADER + length;
            }
            for (long at = end + 1; at + HEADER < size; at++) {
                if (goodAt(at, size) > 0) {
                    throw new MeshException(
                            ErrorReason.JOURNAL_CORRUPT,
                            "journal is damaged before its end: file="
                                    + file
                                    + ", found=no record at byte "
                                    + end
                                    + " but one at byte "
                                    + at
                                    + ", expected=records without gaps; move the run's folder out"
                                    + " of the store to start without it",
                            Map.of("file", file.toString(), "offset", Long.toString(end)));
                }
            }
            channel.truncate(end);
        }
    }

    /** Returns the length of the whole record at an offset, 0 if there is none. */
    private int goodAt(long at, long size) throws IOException {
        if (at + HEADER > size) {
            return 0;
        }
        ByteBuffer header = read(at, HEADER);
        int length = header.getInt();
        int crc = header.getInt();
        boolean fits = length > 0 && length <= MAX_RECORD && at + HEADER + length <= size;
        return fits && crc == crc(read(at + HEADER, length)) ? length : 0;
    }

    /** Returns the number of events. */
    public int count() {
        synchronized (lock) {
            return count;
        }
    }

    /**
     * Appends an event; its number is the count before.
     *
     * @param force true: on the disk when this returns
     * @throws IOException if it cannot be written, or is longer than {@value #MAX_RECORD} bytes;
     *     the journal is as before then
     */
    public RunEvent append(RunEvent.Builder event, boolean force) throws IOException {
        synchronized (lock) {
            RunEvent numbered = event.setNumber(count).build();
            byte[] bytes = numbered.toByteArray();
            if (bytes.length > MAX_RECORD) {
                throw new IOException(
                        "event is too long: found="
                                + bytes.length
                                + " bytes, expected=at most "
                                + MAX_RECORD);
            }
            ByteBuffer record = ByteBuffer.allocate(HEADER + bytes.length);
            record.putInt(bytes.length).putInt(crc(ByteBuffer.wrap(bytes))).put(bytes).flip();
            try {
                long at = end;
                while (record.hasRemaining()) {
                    at += channel.write(record, at);
                }
                if (force) {
                    channel.force(false);
                }
            } catch (IOException e) {
                channel.truncate(end);
                throw e;
            }
            remember(end);
            end += HEADER + bytes.length;
            return numbered;
        }
    }

    /** Returns an event. */
    public RunEvent read(int number) throws IOException {
        synchronized (lock) {
            if (number < 0 || number >= count) {
                throw new IllegalArgumentException(
                        "event: found=" + number + ", expected=[0, " + count + ")");
            }
            long at = offsets[number] + HEADER;
            long behind = number + 1 == count ? end : offsets[number + 1];
            return RunEvent.parseFrom(read(at, (int) (behind - at)));
        }
    }

    private void remember(long offset) {
        if (count == offsets.length) {
            offsets = Arrays.copyOf(offsets, 2 * count);
        }
        offsets[count++] = offset;
    }

    private ByteBuffer read(long at, int length) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(length);
        while (bytes.hasRemaining()) {
            if (channel.read(bytes, at + bytes.position()) < 0) {
                throw new IOException("journal ends early");
            }
        }
        return bytes.flip();
    }

    private static int crc(ByteBuffer bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes.duplicate());
        return (int) crc.getValue();
    }

    @Override
    public void close() throws IOException {
        synchronized (lock) {
            if (channel.isOpen()) {
                channel.force(false);
                channel.close();
            }
        }
    }
}
