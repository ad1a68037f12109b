package io.abmesh.nn.teacher;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Map;

/**
 * Looks for NaN and infinity: in a sign bit a NaN would be a neuron that does not fire, and in a
 * float a loss that is not a number far from its cause.
 */
final class FiniteCheck {
    private static final int CHUNK = 4096;

    private FiniteCheck() {}

    /**
     * Checks a batch of one tap or of the logits.
     *
     * @param tap name for the message
     * @param floats {@code rows * rowElements} little-endian floats from position to limit,
     *     borrowed
     * @param firstRow index of the first row in the caller's batch
     * @throws TeacherException with {@link TeacherException.Reason#TEACHER_NOT_FINITE}
     */
    static void check(String tap, ByteBuffer floats, int rowElements, int firstRow) {
        FloatBuffer source = floats.duplicate().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
        float[] chunk = new float[CHUNK];
        for (int done = 0; source.hasRemaining(); ) {
            int count = Math.min(CHUNK, source.remaining());
            source.get(chunk, 0, count);
            int spare = 0; // below zero once a value lies beyond the largest finite one
            for (int i = 0; i < count; i++) {
                spare |= 0x7f7fffff - (Float.floatToRawIntBits(chunk[i]) & 0x7fffffff);
            }
            if (spare < 0) {
                refuse(tap, chunk, count, done, rowElements, firstRow);
            }
            done += count;
        }
    }

    private static void refuse(
            String tap, float[] values, int count, int offset, int rowElements, int firstRow) {
        for (int i = 0; i < count; i++) {
            if (!Float.isFinite(values[i])) {
                int sample = firstRow + (offset + i) / rowElements;
                throw new TeacherException(
                        TeacherException.Reason.TEACHER_NOT_FINITE,
                        "teacher gave a value that is not finite: found="
                                + values[i]
                                + ", expected=finite, tap="
                                + tap
                                + ", sample="
                                + sample,
                        Map.of(
                                "tap", tap,
                                "sample", Integer.toString(sample),
                                "value", Float.toString(values[i])),
                        null);
            }
        }
    }
}
