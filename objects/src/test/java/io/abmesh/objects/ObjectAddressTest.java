package io.abmesh.objects;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ObjectAddressTest {
    @ParameterizedTest
    @CsvSource({
        "s3://data/cifar10, data, cifar10",
        "s3://data/sets/cifar10/, data, sets/cifar10",
        "s3://data, data, ''",
        "s3://data/, data, ''",
        "s3://my.data-2/a b/c.onnx, my.data-2, a b/c.onnx"
    })
    void hasABucketAndAKey(String text, String bucket, String key) {
        assertThat(ObjectAddress.parse(text)).isEqualTo(new ObjectAddress(bucket, key));
    }

    @ParameterizedTest
    @ValueSource(strings = {"s3://", "s3:///key", "s3://Data/key", "s3:/data/key", "/data/key"})
    void refusesWhatIsNoAddress(String text) {
        assertThatThrownBy(() -> ObjectAddress.parse(text))
                .isInstanceOf(ObjectException.class)
                .hasMessage(
                        "not an address in an object store: found="
                                + text
                                + ", expected=s3://BUCKET/KEY");
    }

    @Test
    void namesWhatIsBelowIt() {
        assertThat(ObjectAddress.parse("s3://results/mesh/").resolve("run-1"))
                .hasToString("s3://results/mesh/run-1");
        assertThat(ObjectAddress.parse("s3://results").resolve("run-1"))
                .hasToString("s3://results/run-1");
    }
}
