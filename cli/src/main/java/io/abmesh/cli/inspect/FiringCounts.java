package io.abmesh.cli.inspect;

import io.abmesh.proto.frame.Encodings;
import io.abmesh.proto.frame.Tensor;
import io.abmesh.proto.v1.Encoding;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * Counts for each neuron of a tap the images that it fires for. A neuron is one channel at one
 * position. Not thread-safe.
 *
 * <p>Cost: one pass over the bits of each batch; four bytes of memory for each neuron.
 */
final class FiringCounts {

    private final int[] fired;
    private int images;
    private long firings;

    /**
     * Starts at nothing.
     *
     * @param sampleShape shape of the tap for one image
     */
    FiringCounts(List<Long> sampleShape) {
        fired = new int[Math.toIntExact(Encodings.elementCount(sampleShape))];
    }

    /** Adds a batch: sign bits of shape {@code [N, ...]}, borrowed. */
    void add(Tensor signs) {
        long count = signs.description().getShape(0);
        if (signs.description().getEncoding() != Encoding.ENCODING_SIGN_BITS
                || Encodings.elementCount(signs.description().getShapeList())
                        != count * fired.length) {
            throw new IllegalArgumentException(
                    "not sign bits of %d neurons: %s".formatted(fired.length, signs.description()));
        }
        ByteBuffer bits = signs.bytes();
        int neuron = 0;
        long left = count * fired.length;
        while (left > 0) {
            int octet = bits.get();
            int valid = (int) Math.min(8, left);
            for (int bit = 0; bit < valid; bit++) {
                int one = (octet >> bit) & 1;
                fired[neuron] += one;
                firings += one;
                neuron = neuron + 1 == fired.length ? 0 : neuron + 1;
            }
            left -= valid;
        }
        images += (int) count;
    }

    /** Returns the number of neurons. */
    int neurons() {
        return fired.length;
    }

    /** Returns the share of neurons that fire for an image, on average, 0 to 1. */
    double activeShare() {
        return images == 0 ? 0 : (double) firings / ((double) images * fired.length);
    }

    /** Returns the neurons that fired for no image. */
    int never() {
        return neuronsThatFired(0);
    }

    /** Returns the neurons that fired for every image. */
    int always() {
        return neuronsThatFired(images);
    }

    private int neuronsThatFired(int times) {
        int count = 0;
        for (int one : fired) {
            if (one == times) {
                count++;
            }
        }
        return count;
    }
}
