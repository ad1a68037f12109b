package io.abmesh.nn.export;

import java.nio.ByteBuffer;

/** What the trained network answers, to compare an export with. */
@FunctionalInterface
public interface TrainedLogits {
    /**
     * Runs the trained network in inference mode.
     *
     * @param images raw pixels {@code uint8 [count, C, H, W]}, borrowed
     * @return {@code [count, classes]}, row-major
     */
    float[] logits(ByteBuffer images, int count);
}
