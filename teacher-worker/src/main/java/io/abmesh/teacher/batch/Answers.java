package io.abmesh.teacher.batch;

import io.abmesh.proto.frame.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Holds what the model answers against labels. */
final class Answers {
    private Answers() {}

    /**
     * Returns the samples whose largest logit, the first of equals, is that of their label.
     *
     * @param logits {@code float32 [N, classes]}, borrowed
     * @param labels {@code int32 [N]}, borrowed
     */
    static int correct(Tensor logits, Tensor labels) {
        int classes = Math.toIntExact(logits.description().getShape(1));
        ByteBuffer values = logits.bytes().duplicate().order(ByteOrder.LITTLE_ENDIAN);
        ByteBuffer wanted = labels.bytes().duplicate().order(ByteOrder.LITTLE_ENDIAN);
        int correct = 0;
        while (wanted.hasRemaining()) {
            int best = 0;
            float most = Float.NEGATIVE_INFINITY;
            for (int i = 0; i < classes; i++) {
                float value = values.getFloat();
                if (value > most) {
                    most = value;
                    best = i;
                }
            }
            if (best == wanted.getInt()) {
                correct++;
            }
        }
        return correct;
    }
}
