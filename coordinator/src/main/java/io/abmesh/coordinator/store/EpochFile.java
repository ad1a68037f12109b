package io.abmesh.coordinator.store;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Locale;

/**
 * The last membership epoch that a store has given out, so that none is given out twice, whatever
 * becomes of the process:
 *
 * <pre>
 * epoch = | 19 decimal digits | line feed |
 * </pre>
 *
 * <p>Always the same few bytes at the same place, forced to the disk before an epoch is used.
 */
final class EpochFile implements AutoCloseable {
    private static final int DIGITS = 19;

    private final FileChannel channel;
    private long last;

    private EpochFile(FileChannel channel, long last) {
        this.channel = channel;
        this.last = last;
    }

    /**
     * Opens or makes the file.
     *
     * @throws IOException if it cannot be read, or does not hold an epoch
     */
    static EpochFile open(Path file) throws IOException {
        FileChannel channel =
                FileChannel.open(
                        file,
                        StandardOpenOption.CREATE,
                        StandardOpenOption.READ,
                        StandardOpenOption.WRITE);
        try {
            return new EpochFile(channel, read(channel, file));
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
    }

    private static long read(FileChannel channel, Path file) throws IOException {
        if (channel.size() == 0) {
            return 0; // a new store
        }
        ByteBuffer bytes = ByteBuffer.allocate(DIGITS + 1);
        while (bytes.hasRemaining() && channel.read(bytes, bytes.position()) >= 0) {}
        String found = US_ASCII.decode(bytes.flip()).toString();
        if (channel.size() != DIGITS + 1 || !found.matches("[0-9]{" + DIGITS + "}\n")) {
            throw new IOException(
                    "epoch file is damaged: file="
                            + file
                            + ", found="
                            + found.strip()
                            + ", expected="
                            + DIGITS
                            + " digits");
        }
        return Long.parseLong(found.strip());
    }

    /** Returns an epoch that is greater than all before; it is on the disk then. */
    long next() throws IOException {
        long epoch = last + 1;
        String text = String.format(Locale.ROOT, "%0" + DIGITS + "d\n", epoch);
        ByteBuffer bytes = US_ASCII.encode(text);
        while (bytes.hasRemaining()) {
            channel.write(bytes, bytes.position());
        }
        channel.force(true);
        last = epoch;
        return epoch;
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
