package io.abmesh.cli.comparison;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import com.google.protobuf.util.JsonFormat;
import io.abmesh.cli.result.RunReport;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * What a finished run reached, read from the files that it left.
 *
 * @param accuracy test accuracy at the end, 0 to 1
 * @param accuracies test accuracy by epochs, as often as it was measured
 * @param agreements share of neurons on the teacher's side of the boundary, 0 to 1, mean over taps
 *     and over the batches of an epoch, by epochs done; empty where it was not measured
 * @param planSha256 digest of the complete plan
 * @param commit that computed it, else the version of the program
 * @param parametersSha256 digest of the trained parameters
 * @param seconds wall time of training
 */
public record Measured(
        double accuracy,
        Curve accuracies,
        Curve agreements,
        String planSha256,
        String commit,
        String parametersSha256,
        double seconds) {

    /** What the report calls the plan's own track, with and without a teacher. */
    private static final List<String> TRACKS = List.of("distilled", "supervised");

    /**
     * Reads the result in {@code folder}.
     *
     * @param batch samples of a step
     * @throws IOException if a file is missing or not what a run leaves
     */
    public static Measured read(Path folder, int batch) throws IOException {
        RunReport report = RunReport.read(folder.resolve("report.json"));
        double accuracy =
                TRACKS.stream()
                        .map(track -> report.number(track + ".accuracy"))
                        .flatMapToDouble(OptionalDouble::stream)
                        .findFirst()
                        .orElseThrow(() -> new IOException("no accuracy in the report: " + folder));
        double trainCount =
                report.number("dataset.trainCount")
                        .orElseThrow(() -> new IOException("no data in the report: " + folder));
        Map<Double, Double> accuracies = new TreeMap<>();
        Map<Double, List<Double>> agreements = new TreeMap<>();
        try (Stream<String> lines = Files.lines(folder.resolve("metrics.jsonl"))) {
            for (String line : (Iterable<String>) lines::iterator) {
                Map<String, Value> metric = parse(line);
                if (metric.containsKey("accuracy")) {
                    accuracies.put(number(metric, "epoch"), number(metric, "accuracy"));
                } else {
                    double steps = number(metric, "step") + 1;
                    metric
                            .getOrDefault("agreement", Value.getDefaultInstance())
                            .getStructValue()
                            .getFieldsMap()
                            .values()
                            .stream()
                            .mapToDouble(Value::getNumberValue)
                            .average()
                            .ifPresent(
                                    mean ->
                                            agreements
                                                    .computeIfAbsent(
                                                            Math.ceil(steps * batch / trainCount),
                                                            epoch -> new ArrayList<>())
                                                    .add(mean));
                }
            }
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
        return new Measured(
                accuracy,
                Curve.of(accuracies),
                Curve.ofMeans(agreements),
                text(report, "planSha256"),
                report.value("versions.commit")
                        .or(() -> report.value("versions.abmesh"))
                        .map(Value::getStringValue)
                        .orElse("unknown"),
                text(report, "parametersSha256"),
                report.value("wallSeconds").map(Value::getStructValue).stream()
                        .flatMap(seconds -> seconds.getFieldsMap().values().stream())
                        .mapToDouble(Value::getNumberValue)
                        .sum());
    }

    private static Map<String, Value> parse(String line) throws IOException {
        Struct.Builder json = Struct.newBuilder();
        try {
            JsonFormat.parser().merge(line, json);
        } catch (InvalidProtocolBufferException e) {
            throw new IOException("not a line of metrics: " + line, e);
        }
        return json.getFieldsMap();
    }

    private static double number(Map<String, Value> metric, String key) {
        return metric.getOrDefault(key, Value.getDefaultInstance()).getNumberValue();
    }

    private static String text(RunReport report, String path) {
        return report.value(path).map(Value::getStringValue).orElse("");
    }
}
