package io.abmesh.nn.checkpoint;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.nd4j.shade.jackson.databind.JsonNode;
import org.nd4j.shade.jackson.databind.ObjectMapper;
import org.nd4j.shade.jackson.databind.node.ObjectNode;

/**
 * Reads and writes checkpoints as safetensors files, which any safetensors library opens.
 *
 * <pre>
 * | header length H, uint64 LE | header, JSON, H bytes | tensor bytes |
 * header = {"__metadata__": {...}, "NAME": {"dtype": "F32", "shape": [...], "data_offsets": [from, to)}, ...}
 * </pre>
 *
 * <p>Metadata key {@value #DIGEST} holds the SHA-256 over every other metadata entry, every
 * tensor's name and shape, and every tensor's bytes, in alphabetical order of names, so that a file
 * that lost or changed a byte is known as such.
 *
 * @see <a href="https://github.com/huggingface/safetensors#format">the format</a>
 */
final class Safetensors {
    private static final String DIGEST = "content.sha256";
    private static final String METADATA = "__metadata__";

    /** A header is a few hundred bytes per tensor; more than this is not one of ours. */
    private static final int MAX_HEADER_BYTES = 16 << 20;

    private static final ObjectMapper JSON = new ObjectMapper();

    private Safetensors() {}

    /** Writes {@code checkpoint} in place of whatever the file holds and forces it to the disk. */
    static void write(Path file, Checkpoint checkpoint) throws IOException {
        byte[] header = header(checkpoint);
        try (FileChannel channel =
                FileChannel.open(
                        file,
                        StandardOpenOption.CREATE,
                        StandardOpenOption.TRUNCATE_EXISTING,
                        StandardOpenOption.WRITE)) {
            ByteBuffer prefix = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
            writeFully(channel, prefix.putLong(header.length).flip());
            writeFully(channel, ByteBuffer.wrap(header));
            for (StoredTensor tensor : checkpoint.tensors().values()) {
                writeFully(channel, tensor.bytes());
            }
            channel.force(true);
        }
    }

    /**
     * Reads a file whole.
     *
     * @throws CheckpointException with {@code CORRUPT} if it is not what {@link #write} wrote
     */
    static Checkpoint read(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            long fileBytes = channel.size();
            if (fileBytes < Long.BYTES) {
                throw corrupt(file, "has no header length", fileBytes + " bytes", "8 or more");
            }
            long headerBytes = readFully(channel, Long.BYTES, file).getLong();
            if (headerBytes <= 0
                    || headerBytes > MAX_HEADER_BYTES
                    || headerBytes > fileBytes - Long.BYTES) {
                throw corrupt(
                        file,
                        "has an impossible header length",
                        Long.toString(headerBytes),
                        "1 to " + Math.min(MAX_HEADER_BYTES, fileBytes - Long.BYTES));
            }
            JsonNode header = parse(file, readFully(channel, (int) headerBytes, file));
            long dataBytes = fileBytes - Long.BYTES - headerBytes;
            return checked(file, metadata(file, header), tensors(file, channel, header, dataBytes));
        }
    }

    private static Checkpoint checked(
            Path file, Map<String, String> metadata, Map<String, StoredTensor> tensors) {
        String written = metadata.remove(DIGEST);
        Checkpoint checkpoint = new Checkpoint(metadata, tensors);
        String found = digest(checkpoint);
        if (!found.equals(written)) {
            throw corrupt(file, "has a wrong digest", found, String.valueOf(written));
        }
        return checkpoint;
    }

    private static byte[] header(Checkpoint checkpoint) throws IOException {
        ObjectNode header = JSON.createObjectNode();
        ObjectNode metadata = header.putObject(METADATA);
        checkpoint.metadata().forEach(metadata::put);
        metadata.put(DIGEST, digest(checkpoint));
        long offset = 0;
        for (Map.Entry<String, StoredTensor> entry : checkpoint.tensors().entrySet()) {
            ObjectNode tensor = header.putObject(entry.getKey()).put("dtype", "F32");
            entry.getValue().shape().forEach(tensor.putArray("shape")::add);
            long end = offset + entry.getValue().bytes().remaining();
            tensor.putArray("data_offsets").add(offset).add(end);
            offset = end;
        }
        return JSON.writeValueAsBytes(header);
    }

    private static JsonNode parse(Path file, ByteBuffer bytes) {
        byte[] text = new byte[bytes.remaining()];
        bytes.get(text);
        JsonNode header;
        try {
            header = JSON.readTree(text);
        } catch (IOException e) {
            throw corrupt(file, "has an unreadable header", "bytes that are no JSON", "an object");
        }
        if (header == null || !header.isObject()) {
            throw corrupt(file, "has an unreadable header", "JSON of another kind", "an object");
        }
        return header;
    }

    private static Map<String, String> metadata(Path file, JsonNode header) {
        JsonNode node = header.get(METADATA);
        if (node == null || !node.isObject()) {
            throw corrupt(file, "has no metadata", String.valueOf(node), "an object");
        }
        Map<String, String> metadata = new TreeMap<>();
        node.fields().forEachRemaining(e -> metadata.put(e.getKey(), e.getValue().asText()));
        return metadata;
    }

    private static Map<String, StoredTensor> tensors(
            Path file, FileChannel channel, JsonNode header, long dataBytes) throws IOException {
        Map<String, StoredTensor> tensors = new TreeMap<>();
        long offset = 0;
        for (Iterator<Map.Entry<String, JsonNode>> i = header.fields(); i.hasNext(); ) {
            Map.Entry<String, JsonNode> entry = i.next();
            if (entry.getKey().equals(METADATA)) {
                continue;
            }
            JsonNode offsets = entry.getValue().path("data_offsets");
            long from = offsets.path(0).asLong(-1);
            long to = offsets.path(1).asLong(-1);
            if (from != offset || to < from || to > dataBytes || to - from > Integer.MAX_VALUE) {
                throw corrupt(
                        file,
                        "has a tensor out of place: tensor=" + entry.getKey(),
                        "[" + from + ", " + to + ")",
                        "from " + offset + ", within " + dataBytes + " bytes");
            }
            offset = to;
            ByteBuffer bytes = readFully(channel, (int) (to - from), file);
            tensors.put(entry.getKey(), tensor(file, entry.getKey(), entry.getValue(), bytes));
        }
        if (offset != dataBytes) {
            throw corrupt(file, "has a wrong length", dataBytes + " data bytes", offset + "");
        }
        return tensors;
    }

    private static StoredTensor tensor(Path file, String name, JsonNode node, ByteBuffer bytes) {
        String type = node.path("dtype").asText();
        if (!type.equals("F32")) {
            throw corrupt(file, "has a tensor of another type: tensor=" + name, type, "F32");
        }
        List<Long> shape = new ArrayList<>();
        node.path("shape").forEach(size -> shape.add(size.asLong()));
        try {
            return new StoredTensor(shape, bytes);
        } catch (IllegalArgumentException | ArithmeticException e) {
            throw corrupt(
                    file,
                    "has a tensor whose shape and size differ: tensor=" + name,
                    bytes.remaining() + " bytes",
                    "float32 " + shape);
        }
    }

    private static String digest(Checkpoint checkpoint) {
        MessageDigest digest;
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
        checkpoint
                .metadata()
                .forEach((key, value) -> digest.update((key + "=" + value + "\n").getBytes(UTF_8)));
        checkpoint
                .tensors()
                .forEach(
                        (name, tensor) -> {
                            digest.update((name + tensor.shape() + "\n").getBytes(UTF_8));
                            digest.update(tensor.bytes());
                        });
        return HexFormat.of().formatHex(digest.digest());
    }

    private static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    private static ByteBuffer readFully(FileChannel channel, int count, Path file)
            throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(count).order(ByteOrder.LITTLE_ENDIAN);
        while (bytes.hasRemaining()) {
            if (channel.read(bytes) < 0) {
                throw corrupt(file, "ends early", bytes.position() + " bytes", count + "");
            }
        }
        return bytes.flip();
    }

    private static CheckpointException corrupt(
            Path file, String what, String found, String expected) {
        return new CheckpointException(
                CheckpointException.Reason.CORRUPT,
                "checkpoint "
                        + file.getFileName()
                        + " "
                        + what
                        + ": found="
                        + found
                        + ", expected="
                        + expected);
    }
}
