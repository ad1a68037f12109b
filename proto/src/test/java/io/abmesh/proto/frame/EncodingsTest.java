package io.abmesh.proto.frame;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.abmesh.proto.error.MeshException;
import io.abmesh.proto.v1.Encoding;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EncodingsTest {
    @ParameterizedTest
    @CsvSource({
        "ENCODING_SIGN_BITS, 9, 2",
        "ENCODING_SIGN_BITS, 8, 1",
        "ENCODING_UINT8, 9, 9",
        "ENCODING_FLOAT16, 9, 18",
        "ENCODING_FLOAT32, 9, 36",
        "ENCODING_INT32, 9, 36"
    })
    void knowsTheSizeOfEachEncoding(Encoding encoding, long elements, long bytes) {
        assertThat(Encodings.sizeBytes(encoding, List.of(elements))).isEqualTo(bytes);
        assertThat(Encodings.sizeBytes(encoding, List.of(1L, elements, 1L))).isEqualTo(bytes);
    }

    @Test
    void refusesWhatHasNoSize() {
        assertThatThrownBy(() -> Encodings.sizeBytes(Encoding.ENCODING_UINT8, List.of(3L, 0L)))
                .isInstanceOf(MeshException.class)
                .hasMessage("dimension is not positive: shape=[3, 0]");
        assertThatThrownBy(() -> Encodings.sizeBytes(Encoding.ENCODING_UNSPECIFIED, List.of(3L)))
                .isInstanceOf(MeshException.class)
                .hasMessage("unknown encoding: found=ENCODING_UNSPECIFIED");
        assertThatThrownBy(
                        () ->
                                Encodings.sizeBytes(
                                        Encoding.ENCODING_FLOAT32, List.of(Long.MAX_VALUE)))
                .isInstanceOf(MeshException.class)
                .hasMessage(
                        "too many bytes: encoding=ENCODING_FLOAT32, shape=[9223372036854775807]");
    }
}
