package io.abmesh.e2e.harness;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The page that lists what services measure, made of what they serve. */
public final class MetricsPage {
    private static final String OWN = "abmesh_";

    /** A timer's longest of the last minutes, which the page's introduction speaks of. */
    private static final String LONGEST = "_seconds_max";

    private static final String TOTAL = "_total";

    private static final Pattern LABEL = Pattern.compile("[{,]([a-zA-Z_]+)=\"");

    private static final class Metric {
        private String kind = "";
        private String meaning = "";
        private final TreeSet<String> labels = new TreeSet<>();
    }

    private MetricsPage() {}

    /**
     * Makes the page.
     *
     * @param services addresses, {@code host:port}, by the title of their section, in order
     */
    public static String of(Map<String, String> services) throws IOException {
        List<String> lines = new ArrayList<>();
        lines.add("# Metrics");
        lines.add("");
        lines.add(
                "Every service has Prometheus' format at `/q/metrics` of its HTTP port, on a cluster 8080. Where `monitoring` is deployed, targets have");
        lines.add(
                "the labels `namespace`, `pod` and, of workers, `abmesh_io_run`. A summary has `_count` and `_sum`, and beside it a gauge `_max`, the");
        lines.add(
                "longest of the last minutes. `run` is the name of a run in the coordinator's store: of those in progress and of the last eight before");
        lines.add(
                "them. No label names a sample, so the number of series is bounded. Besides these, Quarkus has those of the JVM and of HTTP.");
        lines.add("");
        lines.add(
                "Made by `MonitoringIT` of what a run's services served (`-Dabmesh.write-generated=true` writes it anew).");
        for (Map.Entry<String, String> service : services.entrySet()) {
            lines.add("");
            lines.add("## " + service.getKey());
            lines.add("");
            lines.add("| metric | kind | labels | meaning |");
            lines.add("|---|---|---|---|");
            read(service.getValue())
                    .forEach(
                            (name, metric) ->
                                    lines.add(
                                            "| `%s` | %s | %s | %s |"
                                                    .formatted(
                                                            series(name, metric.kind),
                                                            metric.kind,
                                                            String.join(", ", metric.labels),
                                                            metric.meaning)));
        }
        return String.join("\n", lines) + "\n";
    }

    /** What queries call it. */
    private static String series(String name, String kind) {
        return kind.equals("counter") && !name.endsWith(TOTAL) ? name + TOTAL : name;
    }

    private static Map<String, Metric> read(String address) throws IOException {
        String text = Http.get("http://" + address + "/q/metrics");
        Map<String, Metric> metrics = new TreeMap<>();
        Metric at = new Metric();
        for (String line : text.lines().toList()) {
            String[] words = line.split(" ", 4);
            if (line.startsWith("# HELP " + OWN)) {
                at = metrics.computeIfAbsent(words[2], name -> new Metric());
                at.meaning = words[3].strip();
            } else if (line.startsWith("# TYPE " + OWN)) {
                at = metrics.computeIfAbsent(words[2], name -> new Metric());
                at.kind = words[3];
            } else if (line.startsWith(OWN)) {
                Matcher label = LABEL.matcher(line);
                while (label.find()) {
                    at.labels.add(label.group(1));
                }
            }
        }
        metrics.keySet().removeIf(name -> name.endsWith(LONGEST));
        return metrics;
    }
}
