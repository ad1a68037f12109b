package io.abmesh.cli.inspect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.abmesh.proto.frame.Tensor;
import io.abmesh.proto.frame.TensorFrames;
import io.abmesh.proto.v1.Encoding;
import java.nio.ByteBuffer;
import java.util.List;
import org.junit.jupiter.api.Test;

final class FiringCountsTest {

    @Test
    void countOverImagesThatShareABytesBits() {
        FiringCounts counts = new FiringCounts(List.of(3L));

        // 101 100 | 101, neuron by neuron, image by image, the lowest bit first
        counts.add(signs(2, 3, 0b001101));
        counts.add(signs(1, 3, 0b101));

        assertThat(counts.neurons()).isEqualTo(3);
        assertThat(counts.always()).isEqualTo(1);
        assertThat(counts.never()).isEqualTo(1);
        assertThat(counts.activeShare()).isCloseTo(5.0 / 9, within(1e-12));
    }

    @Test
    void countAcrossBytes() {
        FiringCounts counts = new FiringCounts(List.of(5L, 1L, 1L));

        counts.add(signs(2, 5, 0b1110_0001, 0b11));

        assertThat(counts.always()).isEqualTo(1);
        assertThat(counts.never()).isZero();
        assertThat(counts.activeShare()).isCloseTo(0.6, within(1e-12));
    }

    @Test
    void refuseBitsOfAnotherTap() {
        FiringCounts counts = new FiringCounts(List.of(4L));

        assertThatThrownBy(() -> counts.add(signs(1, 3, 0)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("not sign bits of 4 neurons");
    }

    private static Tensor signs(long images, long neurons, int... octets) {
        ByteBuffer bytes = ByteBuffer.allocate(octets.length);
        for (int octet : octets) {
            bytes.put((byte) octet);
        }
        return new Tensor(
                TensorFrames.describe("tap", List.of(images, neurons), Encoding.ENCODING_SIGN_BITS),
                bytes.flip());
    }
}
