package io.abmesh.coordinator.report;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.util.JsonFormat;
import io.abmesh.proto.v1.Evaluated;
import io.abmesh.proto.v1.PhaseStarted;
import io.abmesh.proto.v1.StepCommitted;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The result of a run for people: one page without scripts or anything to load. */
public final class ReportPage {
    /** Points of a curve at most; more are averaged. */
    private static final int MOST_POINTS = 400;

    private static final List<String> COLOURS =
            List.of("#3572b0", "#c1582b", "#2c8c5a", "#8a4fa3", "#a08000", "#555555");

    private static final String STYLE =
            """
            :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
            body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
            table { border-collapse: collapse; } td, th { padding: .25rem 1rem .25rem 0; text-align: left; }
            td.n { text-align: right; font-variant-numeric: tabular-nums; }
            svg { width: 100%; height: auto; } svg text { font: 12px system-ui, sans-serif; fill: currentColor; }
            pre { overflow-x: auto; padding: 1rem; border: 1px solid #8886; border-radius: 4px; }
            """;

    private final RunReport report;

    private ReportPage(RunReport report) {
        this.report = report;
    }

    /** Returns the page. */
    public static String html(RunReport report) {
        return new ReportPage(report).page();
    }

    private String page() {
        return "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">"
                + "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>"
                + escape(report.plan().getName())
                + " - abmesh</title><style>"
                + STYLE
                + "</style></head><body><h1>"
                + escape(report.plan().getName())
                + "</h1>"
                + results()
                + chart("Test accuracy", "epoch", accuracy())
                + chart("Agreement with the teacher's boundary", "step", agreement())
                + chart("Loss", "step", loss())
                + "<h2>Plan</h2><pre>"
                + escape(plan())
                + "</pre></body></html>\n";
    }

    private String results() {
        StringBuilder rows =
                new StringBuilder("<table><tr><th>student</th><th>test accuracy</th></tr>");
        for (String track : tracks()) {
            report.accuracy(track)
                    .ifPresent(
                            a ->
                                    rows.append("<tr><td>")
                                            .append(escape(track))
                                            .append("</td><td class=\"n\">")
                                            .append(String.format(Locale.ROOT, "%.2f %%", 100 * a))
                                            .append("</td></tr>"));
        }
        return rows.append("</table><p>")
                .append(report.parameterCount())
                .append(" parameters; run ")
                .append(escape(report.run().getRunId()))
                .append(", plan ")
                .append(report.run().getPlanSha256(), 0, 12)
                .append(".</p>")
                .toString();
    }

    private List<String> tracks() {
        return report.history().started().values().stream()
                .map(PhaseStarted::getTrack)
                .distinct()
                .toList();
    }

    private Map<String, List<double[]>> accuracy() {
        Map<String, List<double[]>> curves = new LinkedHashMap<>();
        for (Evaluated e : report.history().evaluations().values()) {
            curves.computeIfAbsent(e.getTrack(), t -> new ArrayList<>())
                    .add(new double[] {e.getEpoch(), e.getAccuracy()});
        }
        return curves;
    }

    private Map<String, List<double[]>> agreement() {
        Map<String, List<double[]>> curves = new LinkedHashMap<>();
        List<String> taps =
                report.history().started().values().stream()
                        .filter(p -> p.getTapsCount() > 0)
                        .findFirst()
                        .map(p -> List.copyOf(p.getTapsList()))
                        .orElse(List.of());
        for (StepCommitted step : report.history().steps().values()) {
            for (int i = 0; i < step.getAgreementCount() && i < taps.size(); i++) {
                curves.computeIfAbsent(taps.get(i), t -> new ArrayList<>())
                        .add(new double[] {step.getStep(), step.getAgreement(i)});
            }
        }
        return curves;
    }

    private Map<String, List<double[]>> loss() {
        Map<String, List<double[]>> curves = new LinkedHashMap<>();
        for (Map.Entry<String, PhaseStarted> phase : report.history().started().entrySet()) {
            List<double[]> curve = new ArrayList<>();
            report.history()
                    .steps()
                    .subMap(phase.getValue().getStartStep(), phase.getValue().getEndStep())
                    .values()
                    .forEach(s -> curve.add(new double[] {s.getStep(), s.getLoss()}));
            curves.put(phase.getKey(), curve);
        }
        return curves;
    }

    private static String chart(String title, String axis, Map<String, List<double[]>> curves) {
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
        StringBuilder svg =
                new StringBuilder(
                        "<h2>"
                                + escape(title)
                                + "</h2><svg viewBox=\"0 0 800 300\" role=\"img\" aria-label=\""
                                + escape(title)
                                + "\">");
        svg.append(
                "<path d=\"M60 10V260H790\" fill=\"none\" stroke=\"currentColor\" stroke-opacity=\".5\"/>");
        svg.append(text(5, 20, number(high))).append(text(5, 260, number(low)));
        svg.append(text(60, 278, number(left))).append(text(720, 278, axis + " " + number(right)));
        int colour = 0;
        for (Map.Entry<String, List<double[]>> curve : curves.entrySet()) {
            String stroke = COLOURS.get(colour % COLOURS.size());
            StringBuilder points = new StringBuilder();
            for (double[] p : thinned(curve.getValue())) {
                double x = 60 + 730 * (p[0] - left) / (right - left);
                double y = 260 - 250 * (p[1] - low) / (high - low);
                points.append(String.format(Locale.ROOT, "%.1f,%.1f ", x, y));
            }
            svg.append("<polyline fill=\"none\" stroke-width=\"2\" stroke=\"")
                    .append(stroke)
                    .append("\" points=\"")
                    .append(points)
                    .append("\"/>");
            svg.append("<rect x=\"")
                    .append(70 + 180 * (colour % 4))
                    .append("\" y=\"")
                    .append(284 + 0)
                    .append("\" width=\"10\" height=\"10\" fill=\"")
                    .append(stroke)
                    .append("\"/>");
            svg.append(text(84 + 180 * (colour % 4), 294, curve.getKey()));
            colour++;
        }
        return svg.append("</svg>").toString();
    }

    private static List<double[]> thinned(List<double[]> points) {
        int group = (points.size() + MOST_POINTS - 1) / MOST_POINTS;
        List<double[]> thin = new ArrayList<>();
        for (int from = 0; from < points.size(); from += group) {
            List<double[]> part = points.subList(from, Math.min(points.size(), from + group));
            thin.add(
                    new double[] {
                        part.stream().mapToDouble(p -> p[0]).average().orElse(0),
                        part.stream().mapToDouble(p -> p[1]).average().orElse(0)
                    });
        }
        return thin;
    }

    private static String text(int x, int y, String content) {
        return "<text x=\"" + x + "\" y=\"" + y + "\">" + escape(content) + "</text>";
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, Math.abs(value) >= 100 ? "%.0f" : "%.3f", value);
    }

    private String plan() {
        try {
            return JsonFormat.printer().print(report.plan());
        } catch (InvalidProtocolBufferException e) {
            throw new IllegalStateException("a plan has no Any", e);
        }
    }

    private static String escape(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;");
    }
}
