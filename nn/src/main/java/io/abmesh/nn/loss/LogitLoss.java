package io.abmesh.nn.loss;

import java.util.List;

/** A loss of the student's logits, sample by sample. */
interface LogitLoss extends LossTerm {
    /** Returns the factor of the term. */
    double weight();

    /**
     * Returns the loss of a sample, before any factor.
     *
     * @param number of the sample in the micro-batch
     * @param logits of the student; borrowed
     * @param factor of the gradient
     * @param gradient {@code factor} times the gradient is added
     */
    double sample(LossBatch batch, int number, float[] logits, double factor, float[] gradient);

    @Override
    default List<StudentOutput> reads(int taps) {
        return List.of(StudentOutput.LOGITS);
    }

    @Override
    default List<LossPart> parts(LossBatch batch) {
        double factor = weight() / batch.samples();
        return List.of(
                new LossPart(
                        StudentOutput.LOGITS,
                        factor,
                        (sample, value, gradient) ->
                                sample(batch, sample, value, factor, gradient)));
    }
}
