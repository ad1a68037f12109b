package io.abmesh.coordinator.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Curves over an axis as SVG, with a heading above and a legend below. */
final class ReportChart {
    /** Points of a curve at most; more are averaged. */
    private static final int MOST_POINTS = 400;

    private static final int COLUMNS = 4;
    private static final int COLUMN_WIDTH = 180;
    private static final int ROW_HEIGHT = 16;

    /** Where the legend begins, below the axis and its numbers. */
    private static final int LEGEND_TOP = 284;

    private static final List<String> COLOURS =
            List.of("#3572b0", "#c1582b", "#2c8c5a", "#8a4fa3", "#a08000", "#555555");

    /** Of the curves that have each colour, the first without. */
    private static final List<String> DASHES = List.of("", "8 4", "2 3", "10 3 2 3");

    private ReportChart() {}

    /**
     * Returns the chart, empty if there are fewer than two points to show.
     *
     * @param axis what goes to the right
     * @param curves points {@code {x, y}} by the name of their curve; those that are not finite are
     *     left out
     */
    static String html(String title, String axis, Map<String, List<double[]>> curves) {
        List<double[]> all =
                curves.values().stream()
                        .flatMap(List::stream)
                        .filter(p -> Double.isFinite(p[1]))
                        .toList();
        if (all.size() < 2) {
            return "";
        }
        double left = all.stream().mapToDouble(p -> p[0]).min().orElse(0);
        double right = Math.max(left + 1e-9, all.stream().mapToDouble(p -> p[0]).max().orElse(1));
        double low = all.stream().mapToDouble(p -> p[1]).min().orElse(0);
        double high = Math.max(low + 1e-9, all.stream().mapToDouble(p -> p[1]).max().orElse(1));
        int rows = (curves.size() + COLUMNS - 1) / COLUMNS;
        StringBuilder svg =
                new StringBuilder(
                        "<h2>%s</h2><svg viewBox=\"0 0 800 %d\" role=\"img\" aria-label=\"%s\">"
                                .formatted(
                                        ReportPage.escape(title),
                                        LEGEND_TOP + ROW_HEIGHT * rows,
                                        ReportPage.escape(title)));
        svg.append(
                "<path d=\"M60 10V260H790\" fill=\"none\" stroke=\"currentColor\" stroke-opacity=\".5\"/>");
        svg.append(text(5, 20, number(high))).append(text(5, 260, number(low)));
        svg.append(text(60, 278, number(left))).append(text(720, 278, axis + " " + number(right)));
        int index = 0;
        for (Map.Entry<String, List<double[]>> curve : curves.entrySet()) {
            String colour = COLOURS.get(index % COLOURS.size());
            String dashes = DASHES.get(index / COLOURS.size() % DASHES.size());
            List<double[]> places = new ArrayList<>();
            for (double[] p : thinned(curve.getValue())) {
                places.add(
                        new double[] {
                            60 + 730 * (p[0] - left) / (right - left),
                            260 - 250 * (p[1] - low) / (high - low)
                        });
            }
            svg.append(line(places, colour, dashes))
                    .append(legend(index, colour, dashes, curve.getKey()));
            index++;
        }
        return svg.append("</svg>").toString();
    }

    /** A curve; of a single point, which has no line, a dot. */
    private static String line(List<double[]> places, String colour, String dashes) {
        if (places.size() == 1) {
            return String.format(
                    Locale.ROOT,
                    "<circle r=\"4\" fill=\"%s\" cx=\"%.1f\" cy=\"%.1f\"/>",
                    colour,
                    places.get(0)[0],
                    places.get(0)[1]);
        }
        StringBuilder points = new StringBuilder();
        for (double[] place : places) {
            points.append(String.format(Locale.ROOT, "%.1f,%.1f ", place[0], place[1]));
        }
        return "<polyline fill=\"none\" stroke-width=\"2\" stroke=\"%s\" stroke-dasharray=\"%s\" points=\"%s\"/>"
                .formatted(colour, dashes, points.toString().strip());
    }

    private static String legend(int index, String colour, String dashes, String name) {
        int x = 70 + COLUMN_WIDTH * (index % COLUMNS);
        int y = LEGEND_TOP + ROW_HEIGHT * (index / COLUMNS);
        return "<path d=\"M%d %dh24\" stroke-width=\"4\" stroke=\"%s\" stroke-dasharray=\"%s\"/>"
                        .formatted(x, y + 5, colour, dashes)
                + text(x + 28, y + 10, name);
    }

    private static List<double[]> thinned(List<double[]> points) {
        int group = (points.size() + MOST_POINTS - 1) / MOST_POINTS;
        List<double[]> thin = new ArrayList<>();
        for (int from = 0; from < points.size(); from += group) {
            List<double[]> part =
                    points.subList(from, Math.min(points.size(), from + group)).stream()
                            .filter(p -> Double.isFinite(p[1]))
                            .toList();
            if (!part.isEmpty()) {
                thin.add(
                        new double[] {
                            part.stream().mapToDouble(p -> p[0]).average().orElse(0),
                            part.stream().mapToDouble(p -> p[1]).average().orElse(0)
                        });
            }
        }
        return thin;
    }

    private static String text(int x, int y, String content) {
        return "<text x=\"" + x + "\" y=\"" + y + "\">" + ReportPage.escape(content) + "</text>";
    }

    private static String number(double value) {
        boolean whole = Math.abs(value) >= 100 || value == Math.rint(value);
        return String.format(Locale.ROOT, whole ? "%.0f" : "%.3f", value);
    }
}
