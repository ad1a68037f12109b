package io.abmesh.teacher.batch;

import io.abmesh.nn.teacher.FloatTensor;
import io.abmesh.nn.teacher.TapEncoder;
import io.abmesh.proto.frame.Encodings;
import io.abmesh.proto.frame.Tensor;
import io.abmesh.proto.frame.TensorFrames;
import io.abmesh.proto.v1.Encoding;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Fills the encoded tensor of one output row by row, in any order. Rows of bits follow each other
 * without padding.
 */
final class OutputBuilder {
    private final Output output;
    private final int count;
    private final byte[] bytes;

    OutputBuilder(Output output, int count) {
        this.output = output;
        this.count = count;
        this.bytes = new byte[Math.toIntExact(Encodings.sizeBytes(output.encoding(), shape()))];
    }

    /** Encodes one sample by itself. */
    byte[] encode(FloatTensor row) {
        ByteBuffer encoded = ByteBuffer.allocate(Math.toIntExact(output.rowBytes()));
        switch (output.encoding()) {
            case ENCODING_SIGN_BITS -> TapEncoder.signBits(row.bytes(), encoded);
            case ENCODING_FLOAT16 -> TapEncoder.float16(row.bytes(), encoded);
            case ENCODING_FLOAT32 -> encoded.put(row.bytes());
            default -> throw new IllegalStateException("no tap encoding: " + output.encoding());
        }
        return encoded.array();
    }

    /**
     * True if a value is as long as a row must be; a cached one might come from a faulty program.
     */
    boolean fits(byte[] row) {
        return row.length == output.rowBytes();
    }

    /** Puts an encoded sample in its place. */
    void put(int index, byte[] row) {
        if (output.encoding() == Encoding.ENCODING_SIGN_BITS && output.elements() % 8 != 0) {
            putBits(index, row);
        } else {
            System.arraycopy(row, 0, bytes, index * row.length, row.length);
        }
    }

    private void putBits(int index, byte[] row) {
        long start = (long) index * output.elements();
        for (int i = 0; i < output.elements(); i++) {
            int bit = row[i >> 3] >> (i & 7) & 1;
            long at = start + i;
            bytes[(int) (at >> 3)] |= (byte) (bit << (int) (at & 7));
        }
    }

    Tensor build() {
        return new Tensor(
                TensorFrames.describe(output.name(), shape(), output.encoding()),
                ByteBuffer.wrap(bytes));
    }

    private List<Long> shape() {
        List<Long> shape = new ArrayList<>();
        shape.add((long) count);
        shape.addAll(output.sampleShape());
        return shape;
    }
}
