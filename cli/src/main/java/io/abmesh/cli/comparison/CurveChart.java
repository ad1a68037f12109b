package io.abmesh.cli.comparison;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** Curves of shares by epochs as an SVG picture. Curves differ by colour and by dashes. */
final class CurveChart {
    private static final double WIDTH = 800;
    private static final double HEIGHT = 340;
    private static final double LEFT = 56;
    private static final double RIGHT = 12;
    private static final double TOP = 12;
    private static final double BOTTOM = 40;
    private static final int LINES = 5;
    private static final List<String> DASHES = List.of("", "8 4", "2 3", "10 3 2 3");
    private static final int LEGEND_COLUMNS = 4;
    private static final int LEGEND_LINE = 20;

    private final Markup page;
    private final Map<String, Curve> curves;
    private final List<String> order;
    private final double lastEpoch;
    private final double low;
    private final double high;

    private CurveChart(Markup page, List<String> order, Map<String, Curve> curves) {
        this.page = page;
        this.curves = curves;
        this.order = order;
        List<Curve.Point> all =
                curves.values().stream().flatMap(curve -> curve.points().stream()).toList();
        lastEpoch = Math.max(1e-9, all.stream().mapToDouble(Curve.Point::epoch).max().orElse(1));
        // Whole tenths around the values, so that the lines have round numbers.
        double least = all.stream().mapToDouble(Curve.Point::value).min().orElse(0);
        double most = all.stream().mapToDouble(Curve.Point::value).max().orElse(1);
        low = Math.floor(10 * least) / 10;
        high = Math.max(low + 0.1, Math.ceil(10 * most) / 10);
    }

    /**
     * Writes a picture.
     *
     * @param title what it shows, also for those who cannot see it
     * @param order every method of the study, so that each has the same colour in all pictures
     * @param curves values in [0, 1] by method; those without points are left out
     */
    static void write(Markup page, String title, List<String> order, Map<String, Curve> curves) {
        if (curves.values().stream().anyMatch(curve -> !curve.points().isEmpty())) {
            new CurveChart(page, order, curves).write(title);
        }
    }

    private void write(String title) {
        int rows = (curves.size() + LEGEND_COLUMNS - 1) / LEGEND_COLUMNS;
        page.element(
                "figure",
                () -> {
                    page.element("figcaption", title);
                    page.element(
                            "svg",
                            () -> {
                                page.element("title", title + ". " + summary());
                                axes();
                                List<String> shown = new ArrayList<>(curves.keySet());
                                shown.sort((a, b) -> order.indexOf(a) - order.indexOf(b));
                                for (int i = 0; i < shown.size(); i++) {
                                    curve(shown.get(i), i);
                                }
                            },
                            "viewBox",
                            "0 0 %.0f %.0f".formatted(WIDTH, HEIGHT + rows * LEGEND_LINE),
                            "role",
                            "img");
                });
    }

    /** The last value of each curve, in words. */
    private String summary() {
        return curves.entrySet().stream()
                .filter(entry -> !entry.getValue().points().isEmpty())
                .map(
                        entry -> {
                            List<Curve.Point> points = entry.getValue().points();
                            Curve.Point last = points.get(points.size() - 1);
                            return format(
                                    "%s ends at %.1f %% after %.1f epochs",
                                    entry.getKey(), 100 * last.value(), last.epoch());
                        })
                .collect(Collectors.joining("; "));
    }

    private void axes() {
        for (int i = 0; i <= LINES; i++) {
            double value = low + i * (high - low) / LINES;
            page.empty(
                    "line",
                    "class",
                    "grid",
                    "x1",
                    number(LEFT),
                    "x2",
                    number(WIDTH - RIGHT),
                    "y1",
                    number(y(value)),
                    "y2",
                    number(y(value)));
            label(LEFT - 6, y(value) + 4, "end", format("%.0f %%", 100 * value));
            double epoch = i * lastEpoch / LINES;
            label(x(epoch), HEIGHT - BOTTOM + 16, "middle", format("%.3g", epoch));
        }
        label((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, "middle", "epochs");
    }

    private void curve(String method, int place) {
        int index = Math.max(0, order.indexOf(method));
        String style = "s" + index % ComparisonPage.COLOURS;
        String dashes = DASHES.get((index / 2 + index / ComparisonPage.COLOURS) % DASHES.size());
        List<Curve.Point> points = curves.getOrDefault(method, new Curve(List.of())).points();
        polyline(
                style,
                dashes,
                points.stream()
                        .map(p -> number(x(p.epoch())) + "," + number(y(p.value())))
                        .collect(Collectors.joining(" ")));
        double left = LEFT + place % LEGEND_COLUMNS * (WIDTH - LEFT) / LEGEND_COLUMNS;
        int row = place / LEGEND_COLUMNS;
        double middle = HEIGHT + 6 + row * LEGEND_LINE;
        polyline(style, dashes, format("%.1f,%.1f %.1f,%.1f", left, middle, left + 24, middle));
        label(left + 30, middle + 4, "start", method);
    }

    private void polyline(String style, String dashes, String points) {
        page.empty("polyline", "class", style, "stroke-dasharray", dashes, "points", points);
    }

    private void label(double x, double y, String anchor, String text) {
        page.element("text", text, "x", number(x), "y", number(y), "text-anchor", anchor);
    }

    private double x(double epoch) {
        return LEFT + (WIDTH - LEFT - RIGHT) * epoch / lastEpoch;
    }

    private double y(double value) {
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * (value - low) / (high - low);
    }

    private static String number(double value) {
        return format("%.1f", value);
    }

    private static String format(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
