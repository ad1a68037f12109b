package io.abmesh.nn.teacher;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.SortedSet;

/** The bytes of a model's file and what they identify. */
final class ModelFile {
    private static final int MAX_BYTES = Integer.MAX_VALUE - 16;

    private final Path path;
    private final byte[] bytes;

    private ModelFile(Path path, byte[] bytes) {
        this.path = path;
        this.bytes = bytes;
    }

    /**
     * Reads a file whole.
     *
     * @throws TeacherException with {@link TeacherException.Reason#MODEL_NOT_FOUND}, {@link
     *     TeacherException.Reason#MODEL_UNREADABLE} if it is empty or cannot be read, or {@link
     *     TeacherException.Reason#MODEL_UNSUPPORTED} beyond 2 GiB
     */
    static ModelFile read(Path path) {
        if (!Files.isRegularFile(path)) {
            throw new TeacherException(
                    TeacherException.Reason.MODEL_NOT_FOUND,
                    "no such model: found=nothing, expected=a file, path=" + path);
        }
        try {
            long size = Files.size(path);
            if (size == 0) {
                throw new TeacherException(
                        TeacherException.Reason.MODEL_UNREADABLE,
                        "model is empty: found=0 bytes, path=" + path);
            }
            if (size > MAX_BYTES) {
                throw new TeacherException(
                        TeacherException.Reason.MODEL_UNSUPPORTED,
                        "model is too large: found="
                                + size
                                + " bytes, expected=at most "
                                + MAX_BYTES
                                + ", path="
                                + path);
            }
            return new ModelFile(path, Files.readAllBytes(path));
        } catch (IOException e) {
            throw new TeacherException(
                    TeacherException.Reason.MODEL_UNREADABLE,
                    "model cannot be read: path=" + path,
                    new UncheckedIOException(e));
        }
    }

    Path path() {
        return path;
    }

    String name() {
        return String.valueOf(path.getFileName());
    }

    /** Borrowed; never written to. */
    byte[] bytes() {
        return bytes;
    }

    boolean startsWith(byte... signature) {
        return bytes.length >= signature.length
                && Arrays.equals(bytes, 0, signature.length, signature, 0, signature.length);
    }

    String sha256() {
        return HexFormat.of().formatHex(digest().digest(bytes));
    }

    /**
     * Digests the file and others that belong to it: of this file's digest, then each name and
     * content. If there are no others it is this file's digest.
     *
     * @param names of files beside this one
     * @throws TeacherException with {@link TeacherException.Reason#MODEL_UNREADABLE} if one cannot
     *     be read
     */
    String sha256(SortedSet<String> names) {
        if (names.isEmpty()) {
            return sha256();
        }
        MessageDigest digest = digest();
        digest.update(digest().digest(bytes));
        for (String name : names) {
            Path file = path.resolveSibling(name);
            digest.update(name.getBytes(StandardCharsets.UTF_8));
            digest.update((byte) 0);
            try (InputStream content = Files.newInputStream(file)) {
                byte[] some = new byte[1 << 16];
                for (int read = content.read(some); read > 0; read = content.read(some)) {
                    digest.update(some, 0, read);
                }
            } catch (IOException e) {
                throw new TeacherException(
                        TeacherException.Reason.MODEL_UNREADABLE,
                        "weights of the model cannot be read: found="
                                + e
                                + ", expected=a file beside it, path="
                                + file,
                        new UncheckedIOException(e));
            }
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    private static MessageDigest digest() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
