package io.abmesh.teacher.batch;

import io.abmesh.proto.frame.Encodings;
import io.abmesh.proto.frame.Tensor;
import io.abmesh.proto.v1.Encoding;
import io.abmesh.proto.v1.TapFirings;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/**
 * Counts how the neurons of a tap fire in a batch, from what is sent of it: in {@code FLOAT16} a
 * response that rounds to zero does not fire, as it does not for a student.
 *
 * <p>Cost: one pass over the tensor, four bytes of memory for each neuron.
 */
final class Firings {
    private Firings() {}

    /**
     * Returns the counts of an encoded tap.
     *
     * @param tap {@code [N, ...]}, borrowed
     */
    static TapFirings of(Tensor tap) {
        List<Long> shape = tap.description().getShapeList();
        int samples = Math.toIntExact(shape.get(0));
        int neurons = Math.toIntExact(Encodings.elementCount(shape.subList(1, shape.size())));
        ByteBuffer bytes = tap.bytes().duplicate().order(ByteOrder.LITTLE_ENDIAN);
        Encoding encoding = tap.description().getEncoding();
        int[] fired = new int[neurons];
        long total = 0;
        for (int sample = 0; sample < samples; sample++) {
            for (int neuron = 0; neuron < neurons; neuron++) {
                if (fires(bytes, encoding, (long) sample * neurons + neuron)) {
                    fired[neuron]++;
                    total++;
                }
            }
        }
        return TapFirings.newBuilder()
                .setTap(tap.name())
                .setNeuronCount(neurons)
                .setFiredCount(total)
                .setNeverCount(count(fired, 0))
                .setAlwaysCount(count(fired, samples))
                .build();
    }

    private static boolean fires(ByteBuffer bytes, Encoding encoding, long element) {
        int from = bytes.position();
        return switch (encoding) {
            case ENCODING_SIGN_BITS ->
                    ((bytes.get(from + (int) (element >> 3)) >> (int) (element & 7)) & 1) == 1;
            // Positive halves are the positive shorts.
            case ENCODING_FLOAT16 -> bytes.getShort(from + Math.toIntExact(2 * element)) > 0;
            case ENCODING_FLOAT32 -> bytes.getFloat(from + Math.toIntExact(4 * element)) > 0;
            default -> throw new IllegalStateException("no tap encoding: " + encoding);
        };
    }

    private static int count(int[] fired, int times) {
        int neurons = 0;
        for (int count : fired) {
            if (count == times) {
                neurons++;
            }
        }
        return neurons;
    }
}
