package io.abmesh.student.fetch;

import static java.util.Objects.requireNonNull;

import io.abmesh.proto.frame.Encodings;
import io.abmesh.proto.v1.Encoding;
import java.util.ArrayList;
import java.util.List;

/**
 * A tensor that a micro-batch must have.
 *
 * @param name name in the batch
 * @param encoding layout of its bytes
 * @param sampleShape shape of one sample, without {@code N}; empty for a label
 */
public record TensorNeed(String name, Encoding encoding, List<Long> sampleShape) {
    public TensorNeed {
        requireNonNull(name, "name");
        requireNonNull(encoding, "encoding");
        sampleShape = List.copyOf(sampleShape);
    }

    /** Shape for that many samples, {@code [N, ...]}. */
    public List<Long> shape(int sampleCount) {
        List<Long> shape = new ArrayList<>();
        shape.add((long) sampleCount);
        shape.addAll(sampleShape);
        return shape;
    }

    /** Length in bytes for that many samples. */
    public long sizeBytes(int sampleCount) {
        return Encodings.sizeBytes(encoding, shape(sampleCount));
    }
}
