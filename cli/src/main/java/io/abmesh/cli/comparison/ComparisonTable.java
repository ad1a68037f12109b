package io.abmesh.cli.comparison;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A comparison as text for a terminal and as comma-separated values (RFC 4180). */
public final class ComparisonTable {

    private ComparisonTable() {}

    /** Returns the table: a header, a rule and a line for each row. */
    public static List<String> lines(Comparison comparison) {
        int width =
                Math.max(
                        "method".length(),
                        comparison.methods().stream().mapToInt(String::length).max().orElse(0));
        String form = "%8s  %-" + width + "s  %2s  %9s  %6s  %10s  %-16s  %6s";
        List<String> lines = new ArrayList<>();
        lines.add(
                format(
                        form,
                        "images",
                        "method",
                        "n",
                        "accuracy",
                        "sd",
                        "difference",
                        "95 % interval",
                        "failed"));
        lines.add("-".repeat(lines.get(0).length()));
        for (Comparison.Row row : comparison.rows()) {
            lines.add(
                    format(
                                    form,
                                    format("%,d", row.trainCount()),
                                    row.method(),
                                    row.accuracy().map(Estimate::count).orElse(0),
                                    percent(row.accuracy()),
                                    points(row.accuracy().map(Estimate::deviation)),
                                    difference(row.difference()),
                                    interval(row.difference()),
                                    row.failed() == 0 ? "" : row.failed())
                            .stripTrailing());
        }
        return lines;
    }

    /** Returns the rows of the table; accuracies and differences in points of a hundred. */
    public static String summaryCsv(Comparison comparison) {
        return csv(
                List.of(
                        new Column<>("study", row -> comparison.name()),
                        new Column<>("train_images", row -> String.valueOf(row.trainCount())),
                        new Column<>("fraction", row -> fraction(row.fraction())),
                        new Column<>("method", Comparison.Row::method),
                        new Column<>("baseline", row -> comparison.baseline()),
                        new Column<>("n", row -> count(row.accuracy())),
                        new Column<>(
                                "mean_accuracy_percent",
                                row -> hundredfold(row.accuracy().map(Estimate::mean))),
                        new Column<>(
                                "sd_points",
                                row ->
                                        hundredfold(
                                                row.accuracy().flatMap(a -> boxed(a.deviation())))),
                        new Column<>("pairs", row -> count(row.difference())),
                        new Column<>(
                                "mean_difference_points",
                                row -> hundredfold(row.difference().map(Estimate::mean))),
                        new Column<>("low95_points", row -> bound(row.difference(), -1)),
                        new Column<>("high95_points", row -> bound(row.difference(), 1)),
                        new Column<>("failed", row -> String.valueOf(row.failed()))),
                comparison.rows());
    }

    /** Returns a line for each run, with what identifies it. */
    public static String runsCsv(Comparison comparison) {
        return csv(
                List.of(
                        new Column<>("study", trial -> comparison.name()),
                        new Column<>("method", Trial::method),
                        new Column<>("fraction", trial -> fraction(trial.fraction())),
                        new Column<>("train_images", trial -> String.valueOf(trial.trainCount())),
                        new Column<>("seed", trial -> String.valueOf(trial.seed())),
                        new Column<>("state", Trial::state),
                        new Column<>(
                                "accuracy_percent",
                                trial -> hundredfold(trial.measured().map(Measured::accuracy))),
                        new Column<>(
                                "seconds",
                                trial -> measured(trial, m -> format("%.3f", m.seconds()))),
                        new Column<>("plan_sha256", Trial::planSha256),
                        new Column<>(
                                "parameters_sha256",
                                trial -> measured(trial, Measured::parametersSha256)),
                        new Column<>("commit", trial -> measured(trial, Measured::commit)),
                        new Column<>("folder", Trial::folder),
                        new Column<>("failure", trial -> trial.failure().orElse(""))),
                comparison.trials());
    }

    private static String measured(Trial trial, Function<Measured, String> what) {
        return trial.measured().map(what).orElse("");
    }

    /** A point of a curve, and which. */
    private record Placed(Trial trial, String curve, Curve.Point point) {}

    /** Returns every point of every run's curves. */
    public static String curvesCsv(Comparison comparison) {
        List<Placed> points = new ArrayList<>();
        for (Trial trial : comparison.trials()) {
            trial.measured()
                    .ifPresent(
                            measured -> {
                                place(points, trial, "accuracy", measured.accuracies());
                                place(points, trial, "agreement", measured.agreements());
                            });
        }
        return csv(
                List.of(
                        new Column<>("study", placed -> comparison.name()),
                        new Column<>("method", placed -> placed.trial().method()),
                        new Column<>("fraction", placed -> fraction(placed.trial().fraction())),
                        new Column<>("seed", placed -> String.valueOf(placed.trial().seed())),
                        new Column<>("plan_sha256", placed -> placed.trial().planSha256()),
                        new Column<>("curve", Placed::curve),
                        new Column<>("epoch", placed -> format("%.4f", placed.point().epoch())),
                        new Column<>("value", placed -> format("%.6f", placed.point().value()))),
                points);
    }

    private static void place(List<Placed> points, Trial trial, String name, Curve curve) {
        curve.points().forEach(point -> points.add(new Placed(trial, name, point)));
    }

    /** What stands in a column of a file, under which head. */
    private record Column<T>(String head, Function<T, String> cell) {}

    private static <T> String csv(List<Column<T>> columns, List<T> rows) {
        StringBuilder csv = new StringBuilder();
        csv.append(line(columns.stream().map(Column::head)));
        for (T row : rows) {
            csv.append(line(columns.stream().map(column -> column.cell().apply(row))));
        }
        return csv.toString();
    }

    static String percent(Optional<Estimate> accuracy) {
        return accuracy.map(a -> format("%.2f %%", 100 * a.mean())).orElse("");
    }

    static String points(Optional<OptionalDouble> deviation) {
        return deviation
                .flatMap(ComparisonTable::boxed)
                .map(d -> format("%.2f", 100 * d))
                .orElse("");
    }

    static String difference(Optional<Estimate> difference) {
        return difference.map(d -> format("%+.2f", 100 * d.mean())).orElse("");
    }

    static String interval(Optional<Estimate> difference) {
        return difference
                .flatMap(
                        d ->
                                boxed(d.margin())
                                        .map(
                                                m ->
                                                        format(
                                                                "%+.2f to %+.2f",
                                                                100 * (d.mean() - m),
                                                                100 * (d.mean() + m))))
                .orElse("");
    }

    private static Optional<Double> boxed(OptionalDouble value) {
        return value.isPresent() ? Optional.of(value.getAsDouble()) : Optional.empty();
    }

    private static String hundredfold(Optional<Double> share) {
        return share.map(s -> format("%.4f", 100 * s)).orElse("");
    }

    private static String fraction(double fraction) {
        return fraction == 0 ? "" : String.valueOf(fraction);
    }

    private static String bound(Optional<Estimate> difference, int side) {
        return hundredfold(
                difference.flatMap(d -> boxed(d.margin()).map(m -> d.mean() + side * m)));
    }

    private static String count(Optional<Estimate> estimate) {
        return String.valueOf(estimate.map(Estimate::count).orElse(0));
    }

    private static String line(Stream<String> cells) {
        return cells.map(ComparisonTable::cell).collect(Collectors.joining(",")) + "\r\n";
    }

    private static String cell(String text) {
        return text.matches("(?s).*[\",\r\n].*") ? '"' + text.replace("\"", "\"\"") + '"' : text;
    }

    private static String format(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
