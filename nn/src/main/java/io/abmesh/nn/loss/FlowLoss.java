package io.abmesh.nn.loss;

import static io.abmesh.nn.loss.LossParameters.requirePositive;

import io.abmesh.nn.network.FeatureShape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Distance of the products between the responses of two taps, which say how a network gets from one
 * to the next.
 *
 * <p>With {@code x [P, C]} at a tap and {@code y [P, D]} at the next, the larger map brought to the
 * size of the smaller by taking maxima: {@code G = x' y / P}, {@code [C, D]}; the loss is the mean
 * over the elements of {@code (G_s - G_t)^2}. Responses are taken behind a ReLU or as they are.
 *
 * <p>Differs: the paper demands equal channels of both networks; here the student's responses come
 * through the connectors.
 *
 * @param weight factor of the term
 * @param rectified multiply what comes behind a ReLU
 * @param scale factor of the mean over pairs of channels, positive
 * @param taps numbers of those that are compared each with the next, from 0 for the first,
 *     ascending, two or more; empty: all
 * @see <a
 *     href="https://openaccess.thecvf.com/content_cvpr_2017/html/Yim_A_Gift_From_CVPR_2017_paper.html">Yim
 *     et al., A Gift from Knowledge Distillation, equations 1 and 2</a>
 */
public record FlowLoss(double weight, boolean rectified, double scale, List<Integer> taps)
        implements LossTerm {
    public FlowLoss {
        requirePositive("scale", scale);
        taps = List.copyOf(taps);
    }

    @Override
    public List<StudentOutput> reads(int tapCount) {
        List<StudentOutput> read = StudentOutput.at(StudentOutput.Kind.RESPONSE, taps, tapCount);
        if (read.size() < 2) {
            throw new IllegalArgumentException(
                    "flow between taps: found=" + read.size() + " taps, min=2");
        }
        return read;
    }

    @Override
    public List<LossPart> parts(LossBatch batch) {
        List<StudentOutput> read = reads(batch.taps());
        List<LossPart> parts = new ArrayList<>();
        for (int i = 0; i + 1 < read.size(); i++) {
            parts.addAll(parts(batch, read.get(i), read.get(i + 1)));
        }
        return parts;
    }

    /** The part of the first tap computes both gradients, and that of the second adds its own. */
    private List<LossPart> parts(LossBatch batch, StudentOutput first, StudentOutput second) {
        double factor = weight * scale / batch.samples();
        FeatureShape from = batch.shape(first.tap());
        FeatureShape to = batch.shape(second.tap());
        TeacherResponses teacherFrom = batch.teacher(first.tap());
        TeacherResponses teacherTo = batch.teacher(second.tap());
        float[] values = batch.student(second);
        float[][] gradients = new float[batch.samples()][];
        int size = to.elements();
        return List.of(
                new LossPart(
                        first,
                        factor,
                        (sample, value, gradient) -> {
                            float[] other =
                                    Arrays.copyOfRange(values, sample * size, (sample + 1) * size);
                            gradients[sample] = new float[size];
                            return sample(
                                    map(value, from),
                                    map(other, to),
                                    map(teacherFrom, sample, from),
                                    map(teacherTo, sample, to),
                                    factor,
                                    gradient,
                                    gradients[sample]);
                        }),
                new LossPart(
                        second,
                        factor,
                        (sample, value, gradient) -> {
                            for (int i = 0; i < size; i++) {
                                gradient[i] += gradients[sample][i];
                            }
                            return 0;
                        }));
    }

    private static FlowMap map(TeacherResponses teacher, int sample, FeatureShape shape) {
        float[] values = new float[shape.elements()];
        teacher.values(sample, shape, values);
        return map(values, shape);
    }

    private static FlowMap map(float[] values, FeatureShape shape) {
        return new FlowMap(values, shape.rows(), shape.columns());
    }

    /** Responses of one sample, {@code [rows * columns, C]}. */
    static final class FlowMap {
        private final float[] values;
        private final int rows;
        private final int columns;

        /**
         * Makes a map.
         *
         * @param values borrowed
         */
        FlowMap(float[] values, int rows, int columns) {
            this.values = values;
            this.rows = rows;
            this.columns = columns;
        }

        private int channels() {
            return values.length / (rows * columns);
        }
    }

    /**
     * Returns the loss of a sample, before any factor.
     *
     * @param from student at the first tap; borrowed
     * @param to student at the second; borrowed
     * @param teacherFrom of the shape of {@code from}; borrowed
     * @param teacherTo of the shape of {@code to}; borrowed
     * @param gradientFrom {@code factor} times the gradient by {@code from} is added
     * @param gradientTo likewise by {@code to}
     */
    double sample(
            FlowMap from,
            FlowMap to,
            FlowMap teacherFrom,
            FlowMap teacherTo,
            double factor,
            float[] gradientFrom,
            float[] gradientTo) {
        int rows = Math.min(from.rows, to.rows);
        int columns = Math.min(from.columns, to.columns);
        int positions = rows * columns;
        int[] chosenFrom = maxima(from, rows, columns);
        int[] chosenTo = maxima(to, rows, columns);
        float[] x = pooled(from, chosenFrom);
        float[] y = pooled(to, chosenTo);
        float[] difference = product(x, y, positions); // [C, D]
        float[] wanted =
                product(
                        pooled(teacherFrom, maxima(teacherFrom, rows, columns)),
                        pooled(teacherTo, maxima(teacherTo, rows, columns)),
                        positions);
        double loss = 0;
        for (int i = 0; i < difference.length; i++) {
            difference[i] -= wanted[i];
            loss += (double) difference[i] * difference[i] / difference.length;
        }
        int c = from.channels();
        int d = to.channels();
        float slope = (float) (factor * 2 / difference.length / positions);
        float[] byX = new float[x.length];
        float[] byY = new float[y.length];
        for (int p = 0; p < positions; p++) {
            for (int i = 0; i < c; i++) {
                float sum = 0;
                for (int j = 0; j < d; j++) {
                    sum += difference[i * d + j] * y[p * d + j];
                    byY[p * d + j] += slope * difference[i * d + j] * x[p * c + i];
                }
                byX[p * c + i] = slope * sum;
            }
        }
        scatter(byX, x, chosenFrom, gradientFrom);
        scatter(byY, y, chosenTo, gradientTo);
        return loss;
    }

    /**
     * Index into the map of the largest response under each position and channel, the first of
     * equals.
     */
    private static int[] maxima(FlowMap map, int rows, int columns) {
        int channels = map.channels();
        int[] chosen = new int[rows * columns * channels];
        for (int r = 0; r < rows; r++) {
            int top = r * map.rows / rows;
            int bottom = ((r + 1) * map.rows + rows - 1) / rows;
            for (int q = 0; q < columns; q++) {
                int left = q * map.columns / columns;
                int right = ((q + 1) * map.columns + columns - 1) / columns;
                for (int c = 0; c < channels; c++) {
                    int best = (top * map.columns + left) * channels + c;
                    for (int i = top; i < bottom; i++) {
                        for (int j = left; j < right; j++) {
                            int at = (i * map.columns + j) * channels + c;
                            if (!(map.values[at] <= map.values[best])) {
                                best = at;
                            }
                        }
                    }
                    chosen[(r * columns + q) * channels + c] = best;
                }
            }
        }
        return chosen;
    }

    private float[] pooled(FlowMap map, int[] chosen) {
        float[] values = new float[chosen.length];
        for (int i = 0; i < values.length; i++) {
            float value = map.values[chosen[i]];
            values[i] = rectified ? Math.max(value, 0f) : value;
        }
        return values;
    }

    private static float[] product(float[] x, float[] y, int positions) {
        int c = x.length / positions;
        int d = y.length / positions;
        float[] product = new float[c * d];
        for (int p = 0; p < positions; p++) {
            for (int i = 0; i < c; i++) {
                float scaled = x[p * c + i] / positions;
                for (int j = 0; j < d; j++) {
                    product[i * d + j] += scaled * y[p * d + j];
                }
            }
        }
        return product;
    }

    private void scatter(float[] by, float[] pooled, int[] chosen, float[] gradient) {
        for (int i = 0; i < by.length; i++) {
            if (!rectified || pooled[i] > 0) {
                gradient[chosen[i]] += by[i];
            }
        }
    }
}
