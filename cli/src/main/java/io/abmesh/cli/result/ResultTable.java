package io.abmesh.cli.result;

import static java.util.Objects.requireNonNull;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * The table at the end of a run: each track's test accuracy beside the baseline's, and what the
 * student is.
 *
 * @param rows one for each track, the baseline first
 * @param parameters trainable parameters of the student
 * @param onnxBytes size of {@code student.onnx}
 */
public record ResultTable(List<Row> rows, long parameters, long onnxBytes) {

    /** In the order of the table. */
    private static final List<Track> TRACKS =
            List.of(
                    new Track("baseline", "cross-entropy", "baseline (cross-entropy only)"),
                    new Track("lastPhaseOnly", "last-phase-only", "last phase only"),
                    new Track("distilled", "distilled", "distilled"),
                    new Track("supervised", "supervised", "supervised"));

    /**
     * One track.
     *
     * @param title what was trained
     * @param accuracy share of test images classified right, 0 to 1
     * @param gain points of accuracy over the baseline; empty for the baseline, and where there is
     *     none
     * @param imagesPerSecond images that its student classifies a second on this machine; empty if
     *     not measured
     */
    public record Row(
            String title, double accuracy, OptionalDouble gain, OptionalDouble imagesPerSecond) {

        public Row {
            requireNonNull(title, "title");
            requireNonNull(gain, "gain");
            requireNonNull(imagesPerSecond, "imagesPerSecond");
        }
    }

    /** A track as the report, the events and people call it. */
    private record Track(String key, String name, String title) {}

    public ResultTable {
        rows = List.copyOf(rows);
    }

    /**
     * Returns the table of a report.
     *
     * @param imagesPerSecond speed of each track's last evaluation, by the track's name
     * @throws IllegalArgumentException if the report names no track
     */
    public static ResultTable of(RunReport report, Map<String, Double> imagesPerSecond) {
        OptionalDouble baseline = report.number("baseline.accuracy");
        List<Row> rows = new ArrayList<>();
        for (Track track : TRACKS) {
            OptionalDouble accuracy = report.number(track.key + ".accuracy");
            if (accuracy.isEmpty()) {
                continue;
            }
            OptionalDouble gain =
                    baseline.isPresent() && !track.key.equals("baseline")
                            ? OptionalDouble.of(
                                    100 * (accuracy.getAsDouble() - baseline.getAsDouble()))
                            : OptionalDouble.empty();
            Double speed = imagesPerSecond.get(track.name);
            rows.add(
                    new Row(
                            track.title,
                            accuracy.getAsDouble(),
                            gain,
                            speed == null ? OptionalDouble.empty() : OptionalDouble.of(speed)));
        }
        if (rows.isEmpty()) {
            throw new IllegalArgumentException("the report has no accuracy");
        }
        return new ResultTable(
                rows,
                Math.round(report.number("parameters").orElse(0)),
                Math.round(report.number("onnxBytes").orElse(0)));
    }

    /** Returns the table as text: a header, a rule and a line for each row. */
    public List<String> lines() {
        int width = rows.stream().mapToInt(row -> row.title.length()).max().orElse(0);
        List<String> lines = new ArrayList<>();
        lines.add(
                line(
                        width,
                        "",
                        "accuracy",
                        "over baseline",
                        "parameters",
                        "student.onnx",
                        "images/s"));
        lines.add("-".repeat(lines.get(0).length()));
        for (Row row : rows) {
            lines.add(
                    line(
                            width,
                            row.title,
                            format("%.2f %%", 100 * row.accuracy),
                            optional("%+.2f points", row.gain),
                            format("%,d", parameters),
                            format("%,d kB", Math.round(onnxBytes / 1000.0)),
                            optional("%,.0f", row.imagesPerSecond)));
        }
        return lines;
    }

    private static String line(
            int width,
            String title,
            String accuracy,
            String gain,
            String parameters,
            String size,
            String speed) {
        return (title
                        + " ".repeat(width - title.length())
                        + format(
                                "  %9s  %13s  %10s  %12s  %9s",
                                accuracy, gain, parameters, size, speed))
                .stripTrailing();
    }

    private static String optional(String format, OptionalDouble value) {
        return value.isPresent() ? format(format, value.getAsDouble()) : "";
    }

    private static String format(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
