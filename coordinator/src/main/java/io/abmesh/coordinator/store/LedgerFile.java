package io.abmesh.coordinator.store;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.CRC32C;

/**
 * Counts of a run by name that are no events, since they may be many; they outlive the process that
 * counts. The file has one size, however much is counted:
 *
 * <pre>
 * file = | slot | slot |
 * slot = | generation, int64 BE | length, int32 BE | CRC-32C, int32 BE | JSON object of counts, length bytes | zeros up to 4096 |
 * </pre>
 *
 * <p>A count is written to the slot that is not the newest, so that a writer that is killed leaves
 * the counts before it. The checksum is over generation, length and JSON. A count that the machine
 * itself loses, rather than the process, is lost: nothing is forced to the disk but at the end.
 *
 * <p>Not thread-safe.
 */
public final class LedgerFile implements AutoCloseable {
    private static final int SLOT = 4096;
    private static final int HEADER = Long.BYTES + 2 * Integer.BYTES;
    private static final ObjectMapper JSON = new ObjectMapper();

    private final FileChannel channel;
    private final TreeMap<String, Long> counts = new TreeMap<>();
    private long generation;
    private boolean damaged;

    private LedgerFile(FileChannel channel) {
        this.channel = channel;
    }

    /** Opens or makes the file; it has its size then, and no count needs more space. */
    public static LedgerFile open(Path file) throws IOException {
        FileChannel channel =
                FileChannel.open(
                        file,
                        StandardOpenOption.CREATE,
                        StandardOpenOption.READ,
                        StandardOpenOption.WRITE);
        try {
            LedgerFile ledger = new LedgerFile(channel);
            ledger.read();
            return ledger;
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
    }

    private void read() throws IOException {
        if (channel.size() == 0) {
            write(); // one slot
            write(); // and the other
            return;
        }
        damaged = true;
        for (int slot = 0; slot < 2; slot++) {
            ByteBuffer bytes = ByteBuffer.allocate(SLOT);
            while (bytes.hasRemaining()
                    && channel.read(bytes, (long) slot * SLOT + bytes.position()) >= 0) {}
            read(bytes.flip());
        }
    }

    /** Takes a slot's counts if it is good and newer than those known. */
    private void read(ByteBuffer slot) throws IOException {
        if (slot.remaining() < HEADER) {
            return;
        }
        long of = slot.getLong();
        int length = slot.getInt();
        int crc = slot.getInt();
        if (of <= generation || length < 0 || length > slot.remaining()) {
            return;
        }
        byte[] json = new byte[length];
        slot.get(json);
        if (crc != crc(of, json)) {
            return;
        }
        JsonNode found = JSON.readTree(json);
        counts.clear();
        found.properties().forEach(e -> counts.put(e.getKey(), e.getValue().asLong()));
        generation = of;
        damaged = false;
    }

    /** Returns whether the file had no good counts when it was opened, and so begins at none. */
    public boolean damaged() {
        return damaged;
    }

    /** Returns the counts. */
    public Map<String, Long> counts() {
        return Collections.unmodifiableMap(counts);
    }

    /**
     * Counts one more; a process that is killed behind this has counted it.
     *
     * @param name of a closed set of short names, which together fit a slot
     */
    public void count(String name) throws IOException {
        counts.merge(name, 1L, Long::sum);
        write();
    }

    private void write() throws IOException {
        byte[] json = json();
        if (json.length > SLOT - HEADER) {
            throw new IllegalArgumentException(
                    "names of counts are too long: found="
                            + json.length
                            + " bytes, expected at most="
                            + (SLOT - HEADER));
        }
        long next = generation + 1;
        ByteBuffer slot = ByteBuffer.allocate(SLOT);
        slot.putLong(next).putInt(json.length).putInt(crc(next, json)).put(json).rewind();
        long at = (next % 2) * SLOT;
        while (slot.hasRemaining()) {
            channel.write(slot, at + slot.position());
        }
        generation = next;
    }

    private byte[] json() {
        ObjectNode object = JSON.createObjectNode();
        counts.forEach(object::put);
        try {
            return JSON.writeValueAsBytes(object);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("cannot write counts", e);
        }
    }

    private static int crc(long of, byte[] json) {
        CRC32C crc = new CRC32C();
        crc.update(ByteBuffer.allocate(HEADER).putLong(of).putInt(json.length).flip());
        crc.update(json);
        return (int) crc.getValue();
    }

    @Override
    public void close() throws IOException {
        if (channel.isOpen()) {
            channel.force(false);
            channel.close();
        }
    }
}
