package io.abmesh.cli.comparison;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Values by epochs, ascending.
 *
 * @param points each once
 */
public record Curve(List<Point> points) {

    /** One value. */
    public record Point(double epoch, double value) {}

    public Curve {
        points = List.copyOf(points);
    }

    /** Returns the curve of values by epochs. */
    static Curve of(Map<Double, Double> values) {
        return new Curve(
                new TreeMap<>(values)
                        .entrySet().stream()
                                .map(entry -> new Point(entry.getKey(), entry.getValue()))
                                .toList());
    }

    /** Returns the curve of the means of values by epochs. */
    static Curve ofMeans(Map<Double, List<Double>> values) {
        Map<Double, Double> means = new TreeMap<>();
        values.forEach((epoch, all) -> means.put(epoch, Estimate.of(all).mean()));
        return of(means);
    }

    /** Returns the mean of several curves, at the epochs that every one of them has. */
    static Curve mean(List<Curve> curves) {
        Map<Double, List<Double>> values = new TreeMap<>();
        for (Curve curve : curves) {
            for (Point point : curve.points) {
                values.computeIfAbsent(point.epoch, epoch -> new ArrayList<>()).add(point.value);
            }
        }
        values.values().removeIf(all -> all.size() < curves.size());
        return ofMeans(values);
    }
}
