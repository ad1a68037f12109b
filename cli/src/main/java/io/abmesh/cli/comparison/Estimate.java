package io.abmesh.cli.comparison;

import java.util.List;
import java.util.OptionalDouble;
import org.apache.commons.math3.distribution.TDistribution;
import org.apache.commons.math3.stat.descriptive.SummaryStatistics;

/**
 * A mean of few values, with what is known of its precision.
 *
 * @param count values, at least 1
 * @param mean of them
 * @param deviation their standard deviation with {@code count - 1} in the denominator; empty for
 *     one value
 * @param margin half the width of the interval around the mean that holds the true one with
 *     probability {@value #CONFIDENCE} if the values are independent and normal: Student's t; empty
 *     for one value
 */
public record Estimate(int count, double mean, OptionalDouble deviation, OptionalDouble margin) {

    /** Probability of an interval. */
    public static final double CONFIDENCE = 0.95;

    /**
     * Returns the estimate of at least one value.
     *
     * @throws IllegalArgumentException if there is none
     */
    public static Estimate of(List<Double> values) {
        if (values.isEmpty()) {
            throw new IllegalArgumentException("no values to take a mean of");
        }
        SummaryStatistics statistics = new SummaryStatistics();
        values.forEach(statistics::addValue);
        int count = values.size();
        if (count == 1) {
            return new Estimate(
                    1, statistics.getMean(), OptionalDouble.empty(), OptionalDouble.empty());
        }
        double deviation = statistics.getStandardDeviation();
        double quantile =
                new TDistribution(count - 1.0).inverseCumulativeProbability((1 + CONFIDENCE) / 2);
        return new Estimate(
                count,
                statistics.getMean(),
                OptionalDouble.of(deviation),
                OptionalDouble.of(quantile * deviation / Math.sqrt(count)));
    }
}
