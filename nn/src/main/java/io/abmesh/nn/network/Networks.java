package io.abmesh.nn.network;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The networks that a plan can name.
 *
 * <table>
 * <caption>Names and taps</caption>
 * <tr><th>name</th><th>network</th><th>taps, each before its ReLU</th></tr>
 * <tr><td>{@code wrn-D-K}</td><td>wide residual network, D = 6n + 4</td>
 *     <td>batch norms that enter block 2's, block 3's first ReLU and the last ReLU</td></tr>
 * <tr><td>{@code resnet-20|32|56|110}</td><td>residual network in its CIFAR form, projection shortcuts</td>
 *     <td>the residual sum that ends each of 3 stages</td></tr>
 * <tr><td>{@code mobilenet-W}</td><td>MobileNet v1, width multiplier W; images under 96 pixels keep their resolution in the
 *     stem and in the first reduction</td><td>the batch norm that ends each of 4 resolutions</td></tr>
 * <tr><td>{@code mlp-D1-D2-...}</td><td>multi-layer perceptron of up to {@value #MLP_LAYERS} hidden layers of these widths, each
 *     linear, batch norm, ReLU; square images</td><td>the batch norm of each hidden layer, {@code [D]}</td></tr>
 * </table>
 *
 * @see <a href="https://arxiv.org/abs/1605.07146">Zagoruyko and Komodakis, Wide Residual
 *     Networks</a>
 * @see <a href="https://arxiv.org/abs/1512.03385">He et al., Deep Residual Learning, section
 *     4.2</a>
 * @see <a href="https://arxiv.org/abs/1704.04861">Howard et al., MobileNets</a>
 */
public final class Networks {
    private static final Pattern WRN = Pattern.compile("wrn-(\\d{1,4})-(\\d{1,3})");
    private static final Pattern RESNET = Pattern.compile("resnet-(\\d{1,4})");
    private static final Pattern MOBILENET =
            Pattern.compile("mobilenet-(\\d{1,2}(?:\\.\\d{1,4})?)");
    private static final Pattern MLP = Pattern.compile("mlp((?:-\\d{1,4})+)");
    private static final int MLP_LAYERS = 8;
    private static final Set<Integer> RESNET_DEPTHS = Set.of(20, 32, 56, 110);

    private Networks() {}

    /**
     * Returns the network of that name.
     *
     * @param image shape of the image, {@code [C, H, W]}
     * @param classes width of the logits, at least 2
     * @throws NetworkException if the name means nothing or its network does not fit the image
     */
    public static NetworkSpec parse(String name, FeatureShape image, int classes) {
        if (classes < 2) {
            throw new NetworkException("classes: found=" + classes + ", min=2");
        }
        Matcher wrn = WRN.matcher(name);
        if (wrn.matches()) {
            return wrn(
                    name,
                    Integer.parseInt(wrn.group(1)),
                    Integer.parseInt(wrn.group(2)),
                    image,
                    classes);
        }
        Matcher resnet = RESNET.matcher(name);
        if (resnet.matches()) {
            return resnet(name, Integer.parseInt(resnet.group(1)), image, classes);
        }
        Matcher mobilenet = MOBILENET.matcher(name);
        if (mobilenet.matches()) {
            return mobilenet(name, Double.parseDouble(mobilenet.group(1)), image, classes);
        }
        Matcher mlp = MLP.matcher(name);
        if (mlp.matches()) {
            List<Integer> widths =
                    Stream.of(mlp.group(1).substring(1).split("-")).map(Integer::valueOf).toList();
            return mlp(name, widths, image, classes);
        }
        throw new NetworkException(
                "unknown network: found="
                        + name
                        + ", expected=wrn-D-K, resnet-20|32|56|110, mobilenet-W or mlp-D1-D2-...");
    }

    private static NetworkSpec wrn(
            String name, int depth, int width, FeatureShape image, int classes) {
        if (depth < 10 || (depth - 4) % 6 != 0) {
            throw new NetworkException(
                    "WRN depth must be 6n + 4 with n >= 1: found="
                            + depth
                            + ", near="
                            + nearestWrnDepth(depth));
        }
        if (width < 1) {
            throw new NetworkException("WRN width must be at least 1: found=" + width);
        }
        requireDivisible(name, image, 4);
        Builder b = new Builder(image);
        b.convolution("conv1", 16, 3, 1);
        int blocks = (depth - 4) / 6;
        for (int stage = 1; stage <= 3; stage++) {
            int channels = (16 * width) << (stage - 1);
            for (int layer = 0; layer < blocks; layer++) {
                wrnBlock(
                        b,
                        "block" + stage + ".layer." + layer,
                        channels,
                        stage > 1 && layer == 0 ? 2 : 1);
            }
        }
        b.norm("bn1");
        b.relu("relu");
        b.head(classes);
        return b.build(name, List.of("block2.layer.0.bn1", "block3.layer.0.bn1", "bn1"));
    }

    private static void wrnBlock(Builder b, String path, int channels, int stride) {
        String entry = b.last;
        boolean same = b.channels() == channels;
        b.norm(path + ".bn1");
        String activated = b.relu(path + ".relu1");
        b.convolution(path + ".conv1", channels, 3, stride);
        b.norm(path + ".bn2");
        b.relu(path + ".relu2");
        String main = b.convolution(path + ".conv2", channels, 3, 1);
        String shortcut = entry;
        if (!same) {
            b.last = activated;
            shortcut = b.convolution(path + ".convShortcut", channels, 1, stride);
        }
        b.add(path + ".add", shortcut, main);
    }

    private static NetworkSpec resnet(String name, int depth, FeatureShape image, int classes) {
        if (!RESNET_DEPTHS.contains(depth)) {
            throw new NetworkException(
                    "ResNet depth: found=" + depth + ", expected=20, 32, 56 or 110");
        }
        requireDivisible(name, image, 4);
        Builder b = new Builder(image);
        b.convolution("conv1", 16, 3, 1);
        b.norm("bn1");
        b.relu("relu1");
        List<String> taps = new ArrayList<>();
        for (int stage = 1; stage <= 3; stage++) {
            for (int layer = 0; layer < (depth - 2) / 6; layer++) {
                String path = "layer" + stage + "." + layer;
                resnetBlock(b, path, 16 << (stage - 1), stage > 1 && layer == 0 ? 2 : 1);
            }
            taps.add("layer" + stage + "." + ((depth - 2) / 6 - 1) + ".add");
        }
        b.head(classes);
        return b.build(name, taps);
    }

    private static void resnetBlock(Builder b, String path, int channels, int stride) {
        String entry = b.last;
        boolean same = b.channels() == channels && stride == 1;
        b.convolution(path + ".conv1", channels, 3, stride);
        b.norm(path + ".bn1");
        b.relu(path + ".relu1");
        b.convolution(path + ".conv2", channels, 3, 1);
        String main = b.norm(path + ".bn2");
        String shortcut = entry;
        if (!same) {
            b.last = entry;
            b.convolution(path + ".shortcut.0", channels, 1, stride);
            shortcut = b.norm(path + ".shortcut.1");
        }
        b.add(path + ".add", main, shortcut);
        b.relu(path + ".relu2");
    }

    /** Output channels (at multiplier 1) and stride of the separable layers behind the stem. */
    private static final int[][] MOBILENET_LAYERS = {
        {64, 1}, {128, 2}, {128, 1}, {256, 2}, {256, 1}, {512, 2}, {512, 1}, {512, 1}, {512, 1},
        {512, 1}, {512, 1}, {1024, 2}, {1024, 1}
    };

    private static final int SMALL_IMAGE = 96;

    private static NetworkSpec mobilenet(
            String name, double width, FeatureShape image, int classes) {
        if (!(width > 0)) {
            throw new NetworkException(
                    "MobileNet width multiplier must be positive: found=" + width);
        }
        boolean small = Math.min(image.rows(), image.columns()) < SMALL_IMAGE;
        requireDivisible(name, image, small ? 4 : 32);
        Builder b = new Builder(image);
        b.convolution("stem.conv", scaled(32, width), 3, small ? 1 : 2);
        b.norm("stem.bn");
        b.relu("stem.relu");
        List<String> taps = new ArrayList<>();
        String stageEnd = "stem.bn";
        for (int layer = 0; layer < MOBILENET_LAYERS.length; layer++) {
            String path = "layer." + layer;
            int stride = small && layer == 1 ? 1 : MOBILENET_LAYERS[layer][1];
            if (stride == 2) {
                taps.add(stageEnd);
            }
            b.depthwise(path + ".depthwise", stride);
            b.norm(path + ".bn1");
            b.relu(path + ".relu1");
            b.convolution(path + ".pointwise", scaled(MOBILENET_LAYERS[layer][0], width), 1, 1);
            stageEnd = b.norm(path + ".bn2");
            b.relu(path + ".relu2");
        }
        taps.add(stageEnd);
        b.head(classes);
        return b.build(name, List.copyOf(taps.subList(Math.max(0, taps.size() - 4), taps.size())));
    }

    private static int scaled(int channels, double width) {
        return Math.max(8, (int) Math.round(channels * width / 8) * 8);
    }

    /** A linear layer is a convolution as large as what it reads: the same sums, one position. */
    private static NetworkSpec mlp(
            String name, List<Integer> widths, FeatureShape image, int classes) {
        if (widths.size() > MLP_LAYERS) {
            throw new NetworkException(
                    "MLP has too many hidden layers: found="
                            + widths.size()
                            + ", max="
                            + MLP_LAYERS);
        }
        if (widths.contains(0)) {
            throw new NetworkException("MLP width must be at least 1: found=0");
        }
        if (image.rows() != image.columns()) {
            throw new NetworkException(
                    "image is not square, as it must be for " + name + ": found=" + image);
        }
        Builder b = new Builder(image);
        List<String> taps = new ArrayList<>();
        for (int layer = 0; layer < widths.size(); layer++) {
            String path = "layer." + layer;
            b.whole(path + ".linear", widths.get(layer), layer == 0 ? image.rows() : 1);
            taps.add(b.norm(path + ".bn"));
            b.relu(path + ".relu");
        }
        b.classify(classes);
        return b.build(name, taps);
    }

    private static int nearestWrnDepth(int depth) {
        return Math.max(10, Math.round((depth - 4) / 6f) * 6 + 4);
    }

    private static void requireDivisible(String name, FeatureShape image, int divisor) {
        if (image.rows() % divisor != 0 || image.columns() % divisor != 0) {
            throw new NetworkException(
                    "image size does not divide for "
                            + name
                            + ": found="
                            + image
                            + ", rows and columns a multiple of="
                            + divisor);
        }
    }

    /** Chains nodes; each method returns the name it made, which the next one reads. */
    private static final class Builder {
        private final List<Node> nodes = new ArrayList<>();
        private final Map<String, Integer> channels = new HashMap<>();
        private String last;
        private String logits = "";

        Builder(FeatureShape image) {
            last = "image";
            put(new Node.Input(last, image), image.channels());
        }

        int channels() {
            Integer count = channels.get(last);
            if (count == null) {
                throw new IllegalStateException("no node " + last);
            }
            return count;
        }

        String convolution(String name, int out, int kernel, int stride) {
            return put(new Node.Convolution(name, last, out, kernel, stride, kernel / 2, 1), out);
        }

        /** Without padding: a kernel as large as the input leaves one position. */
        String whole(String name, int out, int side) {
            return put(new Node.Convolution(name, last, out, side, 1, 0, 1), out);
        }

        String depthwise(String name, int stride) {
            return put(
                    new Node.Convolution(name, last, channels(), 3, stride, 1, channels()),
                    channels());
        }

        String norm(String name) {
            return put(new Node.BatchNorm(name, last), channels());
        }

        String relu(String name) {
            return put(new Node.Relu(name, last), channels());
        }

        String add(String name, String left, String right) {
            return put(new Node.Add(name, left, right), channels());
        }

        void head(int classes) {
            put(new Node.GlobalAveragePool("pool", last), channels());
            classify(classes);
        }

        void classify(int classes) {
            logits = put(new Node.Linear("fc", last, classes), classes);
        }

        NetworkSpec build(String name, List<String> taps) {
            return new NetworkSpec(name, nodes, taps, logits);
        }

        private String put(Node node, int out) {
            nodes.add(node);
            channels.put(node.name(), out);
            last = node.name();
            return last;
        }
    }
}
