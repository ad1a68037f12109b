package io.abmesh.nn.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class NetworksTest {
    private static final FeatureShape CIFAR = new FeatureShape(3, 32, 32);

    @ParameterizedTest(name = "{0} has {1} parameters")
    @CsvSource({
        // the first two counted in the reference run, the others by the same modules in PyTorch
        "wrn-10-1, 77850",
        "wrn-10-2, 303706",
        "wrn-16-2, 691674",
        "wrn-22-4, 4298970",
        "wrn-40-2, 2243546",
    })
    void wideResidualNetworksHaveTheAuthorsParameterCounts(String name, long expected) {
        assertThat(Networks.parse(name, CIFAR, 10).trainedElements()).isEqualTo(expected);
    }

    @Test
    void tapsOfAWideResidualNetworkEnterTheFirstReluOfBlocksTwoAndThreeAndTheLast() {
        NetworkSpec network = Networks.parse("wrn-16-2", CIFAR, 10);

        assertThat(network.taps())
                .containsExactly("block2.layer.0.bn1", "block3.layer.0.bn1", "bn1");
        assertThat(network.taps().stream().map(network::shape))
                .containsExactly(
                        new FeatureShape(32, 32, 32),
                        new FeatureShape(64, 16, 16),
                        new FeatureShape(128, 8, 8));
    }

    @Test
    void tapsOfAResidualNetworkAreTheSumsThatEndItsStages() {
        NetworkSpec network = Networks.parse("resnet-20", new FeatureShape(1, 28, 28), 10);

        assertThat(network.taps()).containsExactly("layer1.2.add", "layer2.2.add", "layer3.2.add");
        assertThat(network.taps().stream().map(network::shape))
                .containsExactly(
                        new FeatureShape(16, 28, 28),
                        new FeatureShape(32, 14, 14),
                        new FeatureShape(64, 7, 7));
    }

    @Test
    void tapsOfAMultiLayerPerceptronAreDense() {
        NetworkSpec network = Networks.parse("mlp-512-64", CIFAR, 10);

        assertThat(network.taps()).containsExactly("layer.0.bn", "layer.1.bn");
        assertThat(network.taps().stream().map(network::shape))
                .containsExactly(new FeatureShape(512, 1, 1), new FeatureShape(64, 1, 1));
        assertThat(network.trainedElements())
                .isEqualTo(3072 * 512 + 2 * 512 + 512 * 64 + 2 * 64 + 64 * 10 + 10);
    }

    @Test
    void everyTapEntersARelu() {
        for (String name : List.of("wrn-16-2", "resnet-32", "mobilenet-0.25", "mlp-64-32")) {
            NetworkSpec network = Networks.parse(name, CIFAR, 10);
            for (String tap : network.taps()) {
                assertThat(network.nodes())
                        .as("%s %s", name, tap)
                        .anyMatch(n -> n instanceof Node.Relu && n.inputs().contains(tap));
            }
        }
    }

    @Test
    void mobileNetKeepsFourResolutionsOnSmallImages() {
        NetworkSpec network = Networks.parse("mobilenet-0.25", CIFAR, 10);

        assertThat(network.taps().stream().map(tap -> network.shape(tap).rows()))
                .containsExactly(32, 16, 8, 4);
    }

    @Test
    void mobileNetAtFullWidthHasThePapersParameterCount() {
        // 4.2 million in the paper's table 8, without the running statistics
        assertThat(
                        Networks.parse("mobilenet-1", new FeatureShape(3, 224, 224), 1000)
                                .trainedElements())
                .isEqualTo(4_231_976);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "wrn-12-1    ; WRN depth must be 6n + 4 with n >= 1: found=12, near=10",
                "wrn-21-4    ; WRN depth must be 6n + 4 with n >= 1: found=21, near=22",
                "resnet-18   ; ResNet depth: found=18, expected=20, 32, 56 or 110",
                "mobilenet-0 ; MobileNet width multiplier must be positive: found=0.0",
                "vgg-11      ; unknown network: found=vgg-11, expected=wrn-D-K, resnet-20|32|56|110, mobilenet-W or mlp-D1-D2-...",
                "mlp-8-0     ; MLP width must be at least 1: found=0",
                "mlp-1-2-3-4-5-6-7-8-9 ; MLP has too many hidden layers: found=9, max=8",
            })
    void aNameThatMeansNothingIsRefused(String name, String message) {
        assertThatThrownBy(() -> Networks.parse(name, CIFAR, 10))
                .isInstanceOf(NetworkException.class)
                .hasMessage(message);
    }

    @Test
    void anImageThatDoesNotDivideIsRefusedWithBothNumbers() {
        assertThatThrownBy(() -> Networks.parse("wrn-10-1", new FeatureShape(3, 30, 30), 10))
                .isInstanceOf(NetworkException.class)
                .hasMessage(
                        "image size does not divide for wrn-10-1: found=[3, 30, 30], rows and columns a multiple of=4");
    }

    @Test
    void aMultiLayerPerceptronReadsSquareImages() {
        assertThatThrownBy(() -> Networks.parse("mlp-8", new FeatureShape(3, 30, 32), 10))
                .isInstanceOf(NetworkException.class)
                .hasMessage("image is not square, as it must be for mlp-8: found=[3, 30, 32]");
    }
}
