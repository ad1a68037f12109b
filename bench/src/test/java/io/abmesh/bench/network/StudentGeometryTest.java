package io.abmesh.bench.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.abmesh.coordinator.plan.StudentGeometry;
import io.abmesh.coordinator.plan.StudentTap;
import io.abmesh.data.image.ImageShape;
import io.abmesh.nn.network.FeatureShape;
import io.abmesh.nn.network.NetworkException;
import io.abmesh.nn.network.NetworkSpec;
import io.abmesh.nn.network.Networks;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the coordinator says of a student's taps, and what the network has. */
final class StudentGeometryTest {
    @ParameterizedTest
    @CsvSource({
        "wrn-10-1, 1, 28",
        "wrn-16-2, 3, 32",
        "wrn-40-4, 3, 64",
        "resnet-20, 3, 32",
        "resnet-56, 1, 28",
        "mobilenet-0.5, 3, 32",
        "mobilenet-1, 3, 96",
        "mobilenet-0.25, 3, 224",
        "mlp-64, 1, 28",
        "mlp-256-128-64, 3, 32"
    })
    void theTapsAreThoseOfTheNetwork(String name, int channels, int size) {
        NetworkSpec network = Networks.parse(name, new FeatureShape(channels, size, size), 10);

        List<StudentTap> told =
                StudentGeometry.of(name, new ImageShape(channels, size, size)).taps();

        assertThat(told).extracting(StudentTap::name).isEqualTo(network.taps());
        for (StudentTap tap : told) {
            assertThat(new FeatureShape(tap.channels(), tap.height(), tap.width()))
                    .as(tap.name())
                    .isEqualTo(network.shape(tap.name()));
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "wrn-11-1",
                "wrn-4-1",
                "wrn-10-0",
                "resnet-21",
                "mobilenet-0",
                "mlp-0",
                "mlp-1-1-1-1-1-1-1-1-1",
                "vgg-11"
            })
    void aNameThatMeansNothingMeansNothingToBoth(String name) {
        assertThatThrownBy(() -> Networks.parse(name, new FeatureShape(3, 32, 32), 10))
                .isInstanceOf(NetworkException.class);
        assertThatThrownBy(() -> StudentGeometry.of(name, new ImageShape(3, 32, 32)))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @ParameterizedTest
    @CsvSource({"wrn-10-1, 30, 30", "mobilenet-1, 100, 100", "mlp-64, 28, 32"})
    void aSizeThatDoesNotFitFitsNeither(String name, int height, int width) {
        assertThatThrownBy(() -> Networks.parse(name, new FeatureShape(1, height, width), 10))
                .isInstanceOf(NetworkException.class);
        assertThatThrownBy(() -> StudentGeometry.of(name, new ImageShape(1, height, width)))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
