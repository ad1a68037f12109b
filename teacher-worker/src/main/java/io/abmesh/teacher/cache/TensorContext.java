package io.abmesh.teacher.cache;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.List;

/**
 * Everything but the sample that decides what a cached value is: program, engine, model, tensor,
 * encoding, input normalisation, image size, data set. Equal parts give equal contexts, whatever
 * process makes them; 128 bits of SHA-256 keep others apart.
 *
 * @param high first half of the digest
 * @param low second half of the digest
 */
public record TensorContext(long high, long low) {
    /**
     * Digests the parts, each with its length before it, so that no two lists of parts run
     * together.
     */
    public static TensorContext of(List<String> parts) {
        MessageDigest digest;
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
        for (String part : parts) {
            byte[] bytes = part.getBytes(StandardCharsets.UTF_8);
            digest.update(ByteBuffer.allocate(Integer.BYTES).putInt(bytes.length).flip());
            digest.update(bytes);
        }
        ByteBuffer hash = ByteBuffer.wrap(digest.digest());
        return new TensorContext(hash.getLong(), hash.getLong());
    }
}
