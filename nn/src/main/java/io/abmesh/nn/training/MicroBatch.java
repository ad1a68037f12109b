package io.abmesh.nn.training;

import io.abmesh.nn.loss.TeacherResponses;
import java.nio.ByteBuffer;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The tensors of one micro-batch, borrowed for a call; positions stay untouched.
 *
 * @param size N
 * @param images {@code uint8 [N, C, H, W]}
 * @param labels {@code int32 [N]}, little-endian; needed by cross-entropy
 * @param taps per teacher tap its responses; needed by losses at taps
 * @param logits teacher's, {@code float32 [N, classes]}, little-endian; needed by losses that
 *     compare logits
 */
public record MicroBatch(
        int size,
        ByteBuffer images,
        @Nullable ByteBuffer labels,
        Map<String, TeacherResponses> taps,
        @Nullable ByteBuffer logits) {}
