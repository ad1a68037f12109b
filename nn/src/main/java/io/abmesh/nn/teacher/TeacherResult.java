package io.abmesh.nn.teacher;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a model answered for a batch. Its buffers belong to the session, see {@link
 * TeacherSession#infer}.
 *
 * @param taps {@code [N, C, H, W]} or {@code [N, D]} per tap, in the session's order; all values
 *     finite
 * @param logits {@code [N, classes]}, finite; null if not asked for
 */
public record TeacherResult(List<FloatTensor> taps, @Nullable FloatTensor logits) {
    public TeacherResult {
        taps = List.copyOf(taps);
    }
}
