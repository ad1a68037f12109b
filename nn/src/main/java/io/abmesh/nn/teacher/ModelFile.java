package io.abmesh.nn.teacher;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;

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
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
