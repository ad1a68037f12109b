package io.abmesh.nn.teacher;

import java.nio.ByteBuffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Inference of one model with fixed taps and a fixed image size.
 *
 * <p>Not thread-safe: one {@link #infer} at a time. A session keeps one result, which grows to the
 * largest batch it has seen, and runs a batch in chunks, so its native memory is {@code largest N *
 * }{@link #resultBytesPerImage} plus the activations of one chunk.
 */
public interface TeacherSession extends AutoCloseable {
    /**
     * Returns the taps in the order asked for, with the sample shapes that this session's image
     * size gives.
     */
    List<TapCandidate> taps();

    /** Returns the width of the logits, 0 if none were asked for. */
    int classCount();

    /** Returns the float32 bytes of all taps and logits of one image. */
    long resultBytesPerImage();

    /**
     * Runs a batch.
     *
     * @param images {@code uint8 [N, C, H, W]} from the position to the limit; borrowed, its
     *     position is left alone
     * @param count N, at least 1
     * @param normalization how pixels become the model's input; null: the pixel value as it is
     * @return taps and logits in buffers of this session, valid until the next {@code infer} or
     *     {@link #close}
     * @throws TeacherException with {@link TeacherException.Reason#TENSOR_SIZE_MISMATCH}, {@link
     *     TeacherException.Reason#TEACHER_NOT_FINITE} naming tap and sample, or {@link
     *     TeacherException.Reason#TEACHER_FAILED}
     */
    TeacherResult infer(ByteBuffer images, int count, @Nullable PixelNormalization normalization);

    /** Frees the session's native memory; results of it must not be read any more. Idempotent. */
    @Override
    void close();
}
