package io.abmesh.cli.comparison;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/**
 * The runs of a study, and what they say of its methods.
 *
 * @param name of the study
 * @param baseline name of the method that the others are compared with
 * @param methods names, in the order of tables
 * @param trials every run
 */
public record Comparison(String name, String baseline, List<String> methods, List<Trial> trials) {

    public Comparison {
        methods = List.copyOf(methods);
        trials = List.copyOf(trials);
    }

    /**
     * One method on one number of training samples.
     *
     * @param accuracy over its seeds, 0 to 1; empty before a run is done
     * @param difference of accuracy to the baseline, seed by seed over the seeds of which both are
     *     done; empty for the baseline
     * @param failed runs that failed
     */
    public record Row(
            int trainCount,
            double fraction,
            String method,
            Optional<Estimate> accuracy,
            Optional<Estimate> difference,
            int failed) {}

    /** Returns a row for each number of samples and method. */
    public List<Row> rows() {
        List<Row> rows = new ArrayList<>();
        groups().forEach(
                        (fraction, group) -> {
                            Map<Long, Double> base = accuracies(group, baseline);
                            for (String method : methods) {
                                rows.add(row(group, method, base));
                            }
                        });
        return rows;
    }

    /** Returns the trials by fraction, in the order of the study. */
    Map<Double, List<Trial>> groups() {
        Map<Double, List<Trial>> groups = new LinkedHashMap<>();
        trials.forEach(
                trial ->
                        groups.computeIfAbsent(trial.fraction(), key -> new ArrayList<>())
                                .add(trial));
        return groups;
    }

    /** Returns the mean curve over the seeds that are done of each method that has one. */
    static Map<String, Curve> curves(List<Trial> group, Function<Measured, Curve> which) {
        Map<String, List<Curve>> curves = new LinkedHashMap<>();
        for (Trial trial : group) {
            trial.measured()
                    .map(which)
                    .filter(curve -> !curve.points().isEmpty())
                    .ifPresent(
                            curve ->
                                    curves.computeIfAbsent(trial.method(), key -> new ArrayList<>())
                                            .add(curve));
        }
        Map<String, Curve> means = new LinkedHashMap<>();
        curves.forEach((method, all) -> means.put(method, Curve.mean(all)));
        return means;
    }

    private Row row(List<Trial> group, String method, Map<Long, Double> base) {
        Map<Long, Double> own = accuracies(group, method);
        List<Double> differences = new ArrayList<>();
        own.forEach(
                (seed, accuracy) -> {
                    Double other = base.get(seed);
                    if (other != null) {
                        differences.add(accuracy - other);
                    }
                });
        int failed =
                (int)
                        group.stream()
                                .filter(trial -> trial.method().equals(method))
                                .filter(trial -> trial.failure().isPresent())
                                .count();
        return new Row(
                group.get(0).trainCount(),
                group.get(0).fraction(),
                method,
                estimate(List.copyOf(own.values())),
                method.equals(baseline) ? Optional.empty() : estimate(differences),
                failed);
    }

    private static Map<Long, Double> accuracies(List<Trial> group, String method) {
        Map<Long, Double> accuracies = new LinkedHashMap<>();
        for (Trial trial : group) {
            if (trial.method().equals(method) && trial.measured().isPresent()) {
                accuracies.put(trial.seed(), trial.measured().get().accuracy());
            }
        }
        return accuracies;
    }

    private static Optional<Estimate> estimate(List<Double> values) {
        return values.isEmpty() ? Optional.empty() : Optional.of(Estimate.of(values));
    }
}
