package io.abmesh.coordinator.store;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.UUID;

/**
 * A file of a run that arrives in pieces: in a temporary file beside its place until it is {@link
 * #publish published}, so that readers find it whole or not at all. One thread at a time.
 */
public final class IncomingFile implements AutoCloseable {
    private final Path target;
    private final Path temporary;
    private final FileChannel channel;
    private final MessageDigest digest;
    private long size;

    private IncomingFile(Path target, Path temporary, FileChannel channel) {
        this.target = target;
        this.temporary = temporary;
        this.channel = channel;
        this.digest = sha256();
    }

    /** Makes the temporary file; several may be on their way to one place. */
    static IncomingFile open(Path target) throws IOException {
        Path temporary =
                target.resolveSibling(
                        target.getFileName() + "." + UUID.randomUUID() + RunFolder.PART);
        return new IncomingFile(
                target,
                temporary,
                // not createTempFile, whose files nobody else may read
                FileChannel.open(
                        temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE));
    }

    /** Adds bytes at the end. */
    public void write(ByteBuffer bytes) throws IOException {
        digest.update(bytes.duplicate());
        size += bytes.remaining();
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    /** Returns the bytes so far. */
    public long size() {
        return size;
    }

    /** Returns the SHA-256 of what was written, lower-case hex; nothing is written after it. */
    public String finish() throws IOException {
        channel.force(true);
        return HexFormat.of().formatHex(digest.digest());
    }

    /** Puts the file at its place. */
    public void publish() throws IOException {
        channel.close();
        Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
    }

    /** Deletes what was not published. */
    @Override
    public void close() throws IOException {
        try {
            channel.close();
        } finally {
            Files.deleteIfExists(temporary);
        }
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
