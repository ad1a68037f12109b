package io.abmesh.coordinator.report;

import io.abmesh.coordinator.plan.PlanDocument;
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
                + ReportChart.html("Test accuracy", "epoch", accuracy())
                + ReportChart.html("Agreement with the teacher's boundary", "step", agreement())
                + losses()
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

    /** A chart for each phase, since losses of different phases have nothing in common. */
    private String losses() {
        Map<String, Map<String, List<double[]>>> phases = new LinkedHashMap<>();
        for (PhaseStarted phase : report.history().started().values()) {
            List<double[]> curve = new ArrayList<>();
            long start = phase.getStartStep();
            report.history()
                    .steps()
                    .subMap(start, phase.getEndStep())
                    .values()
                    .forEach(s -> curve.add(new double[] {s.getStep() - start, s.getLoss()}));
            phases.computeIfAbsent(phase.getPhase(), name -> new LinkedHashMap<>())
                    .put(phase.getTrack(), curve);
        }
        StringBuilder charts = new StringBuilder();
        phases.forEach(
                (name, curves) -> charts.append(ReportChart.html("Loss, " + name, "step", curves)));
        return charts.toString();
    }

    private String plan() {
        return PlanDocument.of(report.plan()).toPrettyString();
    }

    /** Returns text as the content of an element or of a quoted attribute. */
    static String escape(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;");
    }
}
