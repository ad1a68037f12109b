package io.abmesh.cli.inspect;

import static java.util.Objects.requireNonNull;

import io.abmesh.proto.v1.TapDescription;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * What fires where, as text.
 *
 * @param rows one for each tap, in the order of evaluation
 */
record TapTable(List<Row> rows) {

    /**
     * One tap.
     *
     * @param tap the place
     * @param chosen true if {@code auto} chooses it
     * @param activeShare share of neurons that fire for an image, 0 to 1
     * @param neverShare share of neurons that fired for no image, 0 to 1
     * @param alwaysShare share of neurons that fired for every image, 0 to 1
     */
    record Row(
            TapDescription tap,
            boolean chosen,
            double activeShare,
            double neverShare,
            double alwaysShare) {

        Row {
            requireNonNull(tap, "tap");
        }

        static Row of(TapDescription tap, boolean chosen, FiringCounts counts) {
            double neurons = counts.neurons();
            return new Row(
                    tap,
                    chosen,
                    counts.activeShare(),
                    counts.never() / neurons,
                    counts.always() / neurons);
        }
    }

    TapTable {
        rows = List.copyOf(rows);
    }

    /**
     * Returns a header, a rule and a line for each tap; {@code *} marks those that {@code auto}
     * chooses.
     */
    List<String> lines() {
        int names = width("tap", rows.stream().map(row -> row.tap.getName()).toList());
        int tensors = width("tensor", rows.stream().map(row -> row.tap.getTensor()).toList());
        int shapes = width("shape", rows.stream().map(row -> shape(row.tap)).toList());
        String format =
                "%-1s %-"
                        + names
                        + "s  %-"
                        + tensors
                        + "s  %-10s  %-"
                        + shapes
                        + "s  %7s  %7s  %7s";
        List<String> lines = new ArrayList<>();
        lines.add(
                format.formatted(
                        "", "tap", "tensor", "activation", "shape", "active", "never", "always"));
        lines.add("-".repeat(lines.get(0).length()));
        for (Row row : rows) {
            lines.add(
                    format.formatted(
                            row.chosen ? "*" : "",
                            row.tap.getName(),
                            row.tap.getTensor(),
                            row.tap.getActivation(),
                            shape(row.tap),
                            percent(row.activeShare),
                            percent(row.neverShare),
                            percent(row.alwaysShare)));
        }
        return lines;
    }

    private static int width(String header, List<String> cells) {
        return Math.max(header.length(), cells.stream().mapToInt(String::length).max().orElse(0));
    }

    private static String shape(TapDescription tap) {
        return tap.getSampleShapeList().stream()
                .map(String::valueOf)
                .collect(Collectors.joining("x"));
    }

    private static String percent(double share) {
        return String.format(Locale.ROOT, "%.1f %%", 100 * share);
    }
}
