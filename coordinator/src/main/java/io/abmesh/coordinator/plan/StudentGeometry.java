package io.abmesh.coordinator.plan;

import io.abmesh.data.image.ImageShape;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What the coordinator knows of a student without seeing the mathematics: which names mean a
 * network, and where its taps are. Names, taps and shapes are those of {@code
 * io.abmesh.nn.network.Networks}; a test in bench, which sees both, holds the two against each
 * other.
 *
 * @param taps first to last
 */
public record StudentGeometry(List<StudentTap> taps) {
    private static final Pattern WRN = Pattern.compile("wrn-(\\d{1,4})-(\\d{1,3})");
    private static final Pattern RESNET = Pattern.compile("resnet-(\\d{1,4})");
    private static final Pattern MOBILENET =
            Pattern.compile("mobilenet-(\\d{1,2}(?:\\.\\d{1,4})?)");
    private static final Pattern MLP = Pattern.compile("mlp((?:-\\d{1,4})+)");
    private static final int MLP_LAYERS = 8;
    private static final Set<Integer> RESNET_DEPTHS = Set.of(20, 32, 56, 110);
    private static final int SMALL_IMAGE = 96;

    public StudentGeometry {
        taps = List.copyOf(taps);
    }

    /**
     * Returns what is wrong with a network's name, or nothing.
     *
     * @return one line, empty if the name means a network
     */
    static String problemWithName(String network) {
        Matcher wrn = WRN.matcher(network);
        if (wrn.matches()) {
            int depth = Integer.parseInt(wrn.group(1));
            if (depth < 10 || (depth - 4) % 6 != 0) {
                int near = Math.max(10, Math.round((depth - 4) / 6f) * 6 + 4);
                return "WRN depth must be 6n + 4 with n >= 1: found=" + depth + ", near=" + near;
            }
            return Integer.parseInt(wrn.group(2)) < 1
                    ? "WRN width must be at least 1: found=" + wrn.group(2)
                    : "";
        }
        Matcher resnet = RESNET.matcher(network);
        if (resnet.matches()) {
            return RESNET_DEPTHS.contains(Integer.parseInt(resnet.group(1)))
                    ? ""
                    : "ResNet depth: found=" + resnet.group(1) + ", expected=20, 32, 56 or 110";
        }
        Matcher mobilenet = MOBILENET.matcher(network);
        if (mobilenet.matches()) {
            return Double.parseDouble(mobilenet.group(1)) > 0
                    ? ""
                    : "MobileNet width multiplier must be positive: found=" + mobilenet.group(1);
        }
        Matcher mlp = MLP.matcher(network);
        if (mlp.matches()) {
            List<Integer> widths = widths(mlp);
            if (widths.size() > MLP_LAYERS) {
                return "MLP has too many hidden layers: found="
                        + widths.size()
                        + ", max="
                        + MLP_LAYERS;
            }
            return widths.contains(0) ? "MLP width must be at least 1: found=0" : "";
        }
        return "unknown network: found="
                + network
                + ", expected=wrn-D-K, resnet-20|32|56|110, mobilenet-W or mlp-D1-D2-...";
    }

    private static List<Integer> widths(Matcher mlp) {
        return Stream.of(mlp.group(1).substring(1).split("-")).map(Integer::valueOf).toList();
    }

    /**
     * Returns the taps of a network on images of a size.
     *
     * @throws IllegalArgumentException with one line if the name means nothing or the size does not
     *     suit it
     */
    public static StudentGeometry of(String network, ImageShape image) {
        String problem = problemWithName(network);
        if (!problem.isEmpty()) {
            throw new IllegalArgumentException(problem);
        }
        Matcher mlp = MLP.matcher(network);
        if (mlp.matches()) {
            return mlp(network, widths(mlp), image);
        }
        boolean small = Math.min(image.height(), image.width()) < SMALL_IMAGE;
        int divisor = network.startsWith("mobilenet") && !small ? 32 : 4;
        if (image.height() % divisor != 0 || image.width() % divisor != 0) {
            throw new IllegalArgumentException(
                    "image size does not divide for "
                            + network
                            + ": found="
                            + image
                            + ", rows and columns a multiple of="
                            + divisor);
        }
        Matcher wrn = WRN.matcher(network);
        if (wrn.matches()) {
            int width = Integer.parseInt(wrn.group(2));
            return stages(
                    image, List.of("block2.layer.0.bn1", "block3.layer.0.bn1", "bn1"), 16 * width);
        }
        Matcher resnet = RESNET.matcher(network);
        if (resnet.matches()) {
            int last = (Integer.parseInt(resnet.group(1)) - 2) / 6 - 1;
            return stages(
                    image,
                    List.of(
                            "layer1." + last + ".add",
                            "layer2." + last + ".add",
                            "layer3." + last + ".add"),
                    16);
        }
        return mobilenet(
                Double.parseDouble(network.substring("mobilenet-".length())), image, small);
    }

    private static StudentGeometry mlp(String network, List<Integer> widths, ImageShape image) {
        if (image.height() != image.width()) {
            throw new IllegalArgumentException(
                    "image is not square, as it must be for " + network + ": found=" + image);
        }
        List<StudentTap> taps = new ArrayList<>();
        for (int layer = 0; layer < widths.size(); layer++) {
            taps.add(new StudentTap("layer." + layer + ".bn", widths.get(layer), 1, 1));
        }
        return new StudentGeometry(taps);
    }

    private static StudentGeometry stages(ImageShape image, List<String> names, int channels) {
        List<StudentTap> taps = new ArrayList<>();
        for (int i = 0; i < names.size(); i++) {
            taps.add(
                    new StudentTap(
                            names.get(i), channels << i, image.height() >> i, image.width() >> i));
        }
        return new StudentGeometry(taps);
    }

    private static StudentGeometry mobilenet(double width, ImageShape image, boolean small) {
        // Last layer of each of the four resolutions, its channels at multiplier 1, and the
        // reduction there.
        String[] names = {"layer.2.bn2", "layer.4.bn2", "layer.10.bn2", "layer.12.bn2"};
        int[] channels = {128, 256, 512, 1024};
        int first = small ? 1 : 4;
        List<StudentTap> taps = new ArrayList<>();
        for (int i = 0; i < names.length; i++) {
            int reduction = first << i;
            int scaled = Math.max(8, (int) Math.round(channels[i] * width / 8) * 8);
            taps.add(
                    new StudentTap(
                            names[i],
                            scaled,
                            reduced(image.height(), reduction),
                            reduced(image.width(), reduction)));
        }
        return new StudentGeometry(taps);
    }

    /** A convolution of stride 2 and padding 1 rounds up. */
    private static int reduced(int size, int reduction) {
        int left = size;
        for (int r = reduction; r > 1; r /= 2) {
            left = (left + 1) / 2;
        }
        return left;
    }
}
