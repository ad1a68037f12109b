package io.abmesh.nn.training;

import java.nio.ByteBuffer;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The tensors of one micro-batch, borrowed for a call; positions stay untouched.
 *
 * @param size N
 * @param images {@code uint8 [N, C, H, W]}
 * @param labels {@code int32 [N]}, little-endian; needed by cross-entropy
 * @param boundaries per teacher tap one bit per neuron, {@code [N, C, H, W]} row-major, least
 *     significant bit first; needed by the boundary loss
 * @param logits teacher's, {@code float32 [N, classes]}, little-endian; needed by distillation
 */
public record MicroBatch(
        int size,
        ByteBuffer images,
        @Nullable ByteBuffer labels,
        Map<String, ByteBuffer> boundaries,
        @Nullable ByteBuffer logits) {}
