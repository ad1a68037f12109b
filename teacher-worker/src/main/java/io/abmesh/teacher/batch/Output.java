package io.abmesh.teacher.batch;

import io.abmesh.proto.frame.Encodings;
import io.abmesh.proto.v1.Encoding;
import io.abmesh.teacher.cache.TensorContext;
import java.util.ArrayList;
import java.util.List;

/**
 * A tensor that is computed for every batch of a stream.
 *
 * @param name name that the answer carries
 * @param encoding how it is sent
 * @param sampleShape shape of one sample, {@code [C, H, W]} or {@code [D]}
 * @param context what its cached values depend on, apart from the data set
 */
public record Output(String name, Encoding encoding, List<Long> sampleShape, List<String> context) {
    /** Copies the lists. */
    public Output {
        sampleShape = List.copyOf(sampleShape);
        context = List.copyOf(context);
    }

    /** Values of one sample. */
    int elements() {
        return Math.toIntExact(Encodings.elementCount(sampleShape));
    }

    /** Bytes of one sample by itself; bits are padded to a whole byte. */
    public long rowBytes() {
        return Encodings.sizeBytes(encoding, sampleShape);
    }

    /** Context of its cached values for the views of one data set. */
    TensorContext context(String datasetSha256) {
        List<String> parts = new ArrayList<>(context);
        parts.add(datasetSha256);
        return TensorContext.of(parts);
    }
}
