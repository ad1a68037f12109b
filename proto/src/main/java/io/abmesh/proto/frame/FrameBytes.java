package io.abmesh.proto.frame;

import java.io.IOException;
import java.nio.ByteBuffer;

/** The payload of one frame, wherever it lies, until it is copied to where it belongs. */
@FunctionalInterface
interface FrameBytes {
    /**
     * Fills a buffer that is exactly as long as the payload.
     *
     * @return CRC-32C of the bytes copied
     * @throws IOException if the payload cannot be read
     */
    int copyTo(ByteBuffer target) throws IOException;
}
