package io.abmesh.cli.comparison;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.Collectors;

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
        StringBuilder csv = new StringBuilder();
        csv.append(
                line(
                        "study",
                        "train_images",
                        "fraction",
                        "method",
                        "baseline",
                        "n",
                        "mean_accuracy_percent",
                        "sd_points",
                        "pairs",
                        "mean_difference_points",
                        "low95_points",
                        "high95_points",
                        "failed"));
        for (Comparison.Row row : comparison.rows()) {
            Optional<Estimate> difference = row.difference();
            csv.append(
                    line(
                            comparison.name(),
                            String.valueOf(row.trainCount()),
                            fraction(row.fraction()),
                            row.method(),
                            comparison.baseline(),
                            String.valueOf(row.accuracy().map(Estimate::count).orElse(0)),
                            hundredfold(row.accuracy().map(Estimate::mean)),
                            hundredfold(row.accuracy().flatMap(a -> boxed(a.deviation()))),
                            String.valueOf(difference.map(Estimate::count).orElse(0)),
                            hundredfold(difference.map(Estimate::mean)),
                            hundredfold(
                                    difference.flatMap(
                                            d -> boxed(d.margin()).map(m -> d.mean() - m))),
                            hundredfold(
                                    difference.flatMap(
                                            d -> boxed(d.margin()).map(m -> d.mean() + m))),
                            String.valueOf(row.failed())));
        }
        return csv.toString();
    }

    /** Returns a line for each run, with what identifies it. */
    public static String runsCsv(Comparison comparison) {
        StringBuilder csv = new StringBuilder();
        csv.append(
                line(
                        "study",
                        "method",
                        "fraction",
                        "train_images",
                        "seed",
                        "state",
                        "accuracy_percent",
                        "seconds",
                        "plan_sha256",
                        "parameters_sha256",
                        "commit",
                        "folder",
                        "failure"));
        for (Trial trial : comparison.trials()) {
            Optional<Measured> measured = trial.measured();
            csv.append(
                    line(
                            comparison.name(),
                            trial.method(),
                            fraction(trial.fraction()),
                            String.valueOf(trial.trainCount()),
                            String.valueOf(trial.seed()),
                            trial.state(),
                            hundredfold(measured.map(Measured::accuracy)),
                            measured.map(m -> format("%.3f", m.seconds())).orElse(""),
                            trial.planSha256(),
                            measured.map(Measured::parametersSha256).orElse(""),
                            measured.map(Measured::commit).orElse(""),
                            trial.folder(),
                            trial.failure().orElse("")));
        }
        return csv.toString();
    }

    /** Returns every point of every run's curves. */
    public static String curvesCsv(Comparison comparison) {
        StringBuilder csv = new StringBuilder();
        csv.append(
                line(
                        "study",
                        "method",
                        "fraction",
                        "seed",
                        "plan_sha256",
                        "curve",
                        "epoch",
                        "value"));
        for (Trial trial : comparison.trials()) {
            trial.measured()
                    .ifPresent(
                            measured -> {
                                points(csv, comparison, trial, "accuracy", measured.accuracies());
                                points(csv, comparison, trial, "agreement", measured.agreements());
                            });
        }
        return csv.toString();
    }

    private static void points(
            StringBuilder csv, Comparison comparison, Trial trial, String name, Curve curve) {
        for (Curve.Point point : curve.points()) {
            csv.append(
                    line(
                            comparison.name(),
                            trial.method(),
                            fraction(trial.fraction()),
                            String.valueOf(trial.seed()),
                            trial.planSha256(),
                            name,
                            format("%.4f", point.epoch()),
                            format("%.6f", point.value())));
        }
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

    private static String line(String... cells) {
        return List.of(cells).stream().map(ComparisonTable::cell).collect(Collectors.joining(","))
                + "\r\n";
    }

    private static String cell(String text) {
        return text.matches("(?s).*[\",\r\n].*") ? '"' + text.replace("\"", "\"\"") + '"' : text;
    }

    private static String format(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
