package io.abmesh.proto.frame;

import io.abmesh.proto.error.ErrorReason;
import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.TensorFrame;
import io.grpc.HasByteBuffer;
import io.grpc.MethodDescriptor;
import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * Reads the answers of one fetch as protobuf's own parser would, except that a payload goes from
 * gRPC's buffers straight into its tensor's memory and becomes no {@code ByteString} first: that
 * would take an array, its zeroing and a copy.
 *
 * <p>A message is read twice: first everything but the payload, since the description may follow
 * it, and then, when its place and length have passed every check, the payload. Not thread-safe;
 * gRPC reads the messages of a call one after the other.
 */
final class FrameReader implements MethodDescriptor.Marshaller<TensorFrame> {
    /** Copied at a time from a stream that does not show its buffers. */
    private static final int CHUNK_BYTES = 16 << 10;

    private final String batchId;
    private final TensorAssembler assembler;

    /**
     * Reads for an assembler.
     *
     * @param batchId for error messages
     * @param assembler takes each frame while it is read; borrowed
     */
    FrameReader(String batchId, TensorAssembler assembler) {
        this.batchId = batchId;
        this.assembler = assembler;
    }

    /**
     * Takes one answer.
     *
     * @return the frame without its payload
     * @throws MeshException CHECKSUM_MISMATCH if the bytes are no answer; what {@link
     *     TensorAssembler} finds
     */
    @Override
    public TensorFrame parse(InputStream message) {
        InputStream bytes = message.markSupported() ? message : new BufferedInputStream(message);
        try {
            bytes.mark(Integer.MAX_VALUE);
            FrameFields fields = FrameFields.read(bytes);
            bytes.reset();
            bytes.skipNBytes(fields.payloadStart());
            assembler.add(fields.frame(), fields.payloadBytes(), target -> copy(bytes, target));
            return fields.frame();
        } catch (IOException e) {
            throw new MeshException(
                    ErrorReason.CHECKSUM_MISMATCH,
                    "answer is no frame: batch=" + batchId + ", cause=" + e.getMessage(),
                    Map.of("batch", batchId),
                    e);
        }
    }

    /** Not supported: a client sends no answers. */
    @Override
    public InputStream stream(TensorFrame frame) {
        throw new UnsupportedOperationException("a client sends no answers");
    }

    /** A piece is checked as soon as it is copied, while the processor has it in its cache. */
    private static int copy(InputStream bytes, ByteBuffer target) throws IOException {
        HasByteBuffer buffers =
                bytes instanceof HasByteBuffer shown && shown.byteBufferSupported() ? shown : null;
        CRC32C crc = new CRC32C();
        while (target.hasRemaining()) {
            ByteBuffer piece = target.duplicate();
            copyPiece(bytes, buffers, target);
            crc.update(piece.limit(target.position()));
        }
        return (int) crc.getValue();
    }

    private static void copyPiece(
            InputStream bytes, @Nullable HasByteBuffer buffers, ByteBuffer target)
            throws IOException {
        ByteBuffer piece = buffers == null ? null : buffers.getByteBuffer();
        if (piece != null && piece.hasRemaining()) {
            int length = Math.min(piece.remaining(), target.remaining());
            target.put(piece.limit(piece.position() + length));
            bytes.skipNBytes(length);
        } else {
            byte[] chunk = bytes.readNBytes(Math.min(CHUNK_BYTES, target.remaining()));
            if (chunk.length == 0) {
                throw new EOFException("the payload ends early");
            }
            target.put(chunk);
        }
    }
}
