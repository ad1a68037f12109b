package io.abmesh.cli.comparison;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** A comparison for people: one page without scripts or anything to load. */
public final class ComparisonPage {

    /** Colours of curves; after them they begin again, with other dashes. */
    static final int COLOURS = 8;

    private static final String STYLE =
            """
            :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif;
              --c0: #1b5e9e; --c1: #b3441a; --c2: #1d7a4a; --c3: #7b3f98; --c4: #806600; --c5: #555; --c6: #a8275b; --c7: #00707a; }
            @media (prefers-color-scheme: dark) { :root {
              --c0: #7db8f0; --c1: #f09a72; --c2: #79d2a3; --c3: #cf9be8; --c4: #dcc14a; --c5: #bbb; --c6: #f08ab3; --c7: #63d0da; } }
            body { max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
            .wide { overflow-x: auto; } table { border-collapse: collapse; }
            td, th { padding: .25rem 1rem .25rem 0; text-align: left; border-bottom: 1px solid #8884; }
            .n { text-align: right; font-variant-numeric: tabular-nums; }
            figure { margin: 1.5rem 0; } figcaption { font-weight: 600; }
            svg { width: 100%; height: auto; } svg text { font: 12px system-ui, sans-serif; fill: currentColor; }
            .grid { stroke: currentColor; stroke-opacity: .2; }
            polyline { fill: none; stroke-width: 2.5; }
            .s0 { stroke: var(--c0); } .s1 { stroke: var(--c1); } .s2 { stroke: var(--c2); } .s3 { stroke: var(--c3); }
            .s4 { stroke: var(--c4); } .s5 { stroke: var(--c5); } .s6 { stroke: var(--c6); } .s7 { stroke: var(--c7); }
            pre { overflow-x: auto; padding: 1rem; border: 1px solid #8886; border-radius: 4px; }
            """;

    private final Comparison comparison;
    private final Markup page = new Markup();

    private ComparisonPage(Comparison comparison) {
        this.comparison = comparison;
    }

    /**
     * Returns the page.
     *
     * @param studyYaml what the user wrote
     */
    public static String html(Comparison comparison, String studyYaml) {
        return new ComparisonPage(comparison).write(studyYaml);
    }

    private String write(String studyYaml) {
        page.element(
                "html",
                () -> {
                    page.element("head", this::head);
                    page.element("body", () -> page.element("main", () -> body(studyYaml)));
                },
                "lang",
                "en");
        return "<!DOCTYPE html>\n" + page + "\n";
    }

    private void head() {
        page.empty("meta", "charset", "utf-8");
        page.empty("meta", "name", "viewport", "content", "width=device-width, initial-scale=1");
        page.element("title", comparison.name() + " - abmesh");
        page.element("style", STYLE);
    }

    private void body(String studyYaml) {
        page.element("h1", comparison.name());
        long done = comparison.trials().stream().filter(t -> t.measured().isPresent()).count();
        page.element(
                "p",
                "%d of %d runs are done. Test accuracy at the end, mean over seeds; the difference is to %s, seed by seed, in points, with its 95 %% interval by Student's t."
                        .formatted(done, comparison.trials().size(), comparison.baseline()));
        wide(this::summary);
        comparison
                .groups()
                .forEach(
                        (fraction, group) -> {
                            int images = group.get(0).trainCount();
                            page.element(
                                    "h2",
                                    String.format(Locale.ROOT, "%,d training images", images));
                            chart("Test accuracy", Comparison.curves(group, Measured::accuracies));
                            chart(
                                    "Agreement with the teacher's boundary on training batches",
                                    Comparison.curves(group, Measured::agreements));
                        });
        page.element("h2", "Runs");
        wide(this::runs);
        page.element("h2", "Study");
        page.element("pre", studyYaml);
    }

    private void chart(String title, Map<String, Curve> curves) {
        CurveChart.write(page, title + ", mean over seeds", comparison.methods(), curves);
    }

    private void wide(Runnable table) {
        page.element("div", () -> page.element("table", table), "class", "wide", "tabindex", "0");
    }

    private void header(String... names) {
        page.element(
                "tr",
                () -> {
                    for (String name : names) {
                        page.element("th", name, "scope", "col");
                    }
                });
    }

    private void numbers(String... values) {
        for (String value : values) {
            page.element("td", value, "class", "n");
        }
    }

    private void summary() {
        header(
                "images",
                "method",
                "n",
                "accuracy",
                "deviation",
                "difference",
                "95 % interval",
                "pairs",
                "failed");
        for (Comparison.Row row : comparison.rows()) {
            page.element(
                    "tr",
                    () -> {
                        numbers(String.format(Locale.ROOT, "%,d", row.trainCount()));
                        page.element("th", row.method(), "scope", "row");
                        numbers(
                                count(row.accuracy()),
                                ComparisonTable.percent(row.accuracy()),
                                ComparisonTable.points(row.accuracy().map(Estimate::deviation)),
                                ComparisonTable.difference(row.difference()),
                                ComparisonTable.interval(row.difference()),
                                count(row.difference()),
                                row.failed() == 0 ? "" : String.valueOf(row.failed()));
                    });
        }
    }

    private static String count(Optional<Estimate> estimate) {
        return String.valueOf(estimate.map(Estimate::count).orElse(0));
    }

    private void runs() {
        header("method", "images", "seed", "state", "accuracy", "plan", "commit", "why it failed");
        for (Trial trial : comparison.trials()) {
            page.element("tr", () -> run(trial));
        }
    }

    private void run(Trial trial) {
        page.element("th", trial.method(), "scope", "row");
        numbers(
                String.format(Locale.ROOT, "%,d", trial.trainCount()),
                String.valueOf(trial.seed()));
        page.element("td", trial.state());
        numbers(
                trial.measured()
                        .map(m -> String.format(Locale.ROOT, "%.2f %%", 100 * m.accuracy()))
                        .orElse(""));
        String digest = trial.planSha256().substring(0, Math.min(12, trial.planSha256().length()));
        page.element("td", () -> page.element("a", digest, "href", trial.folder() + "/plan.yaml"));
        List.of(trial.measured().map(Measured::commit).orElse(""), trial.failure().orElse(""))
                .forEach(text -> page.element("td", text));
    }
}
