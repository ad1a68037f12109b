package io.abmesh.nn.loss;

import static io.abmesh.nn.loss.LossParameters.requirePositive;

import java.util.List;

/**
 * Distance of mean-centred logits, the student's through a linear map of its pooled features; so
 * the teacher's classes need not be the data's.
 *
 * <p>The mean over classes of the squared difference of logits from which their mean is taken, in
 * {@code double}.
 *
 * @param weight factor of the term
 * @param scale factor of the mean, positive
 * @see <a href="https://arxiv.org/abs/1811.03233">Heo et al., AAAI 2019, transfer to other
 *     classes</a>
 */
public record CenteredLogitsLoss(double weight, double scale) implements LossTerm {
    public CenteredLogitsLoss {
        requirePositive("scale", scale);
    }

    @Override
    public List<StudentOutput> reads(int taps) {
        return List.of(StudentOutput.MAPPED_LOGITS);
    }

    @Override
    public List<LossPart> parts(LossBatch batch) {
        double factor = weight * scale / batch.samples();
        return List.of(
                new LossPart(
                        StudentOutput.MAPPED_LOGITS,
                        factor,
                        (sample, value, gradient) ->
                                sample(
                                        value,
                                        batch.teacherLogits(sample * value.length, value.length),
                                        factor,
                                        gradient)));
    }

    /**
     * Returns the loss of a sample, before any factor.
     *
     * @param student its logits; borrowed
     * @param teacher likewise
     * @param gradient {@code factor} times the gradient is added
     */
    static double sample(float[] student, float[] teacher, double factor, float[] gradient) {
        double studentMean = Logits.mean(student);
        double teacherMean = Logits.mean(teacher);
        double loss = 0;
        for (int k = 0; k < student.length; k++) {
            double d = (student[k] - studentMean) - (teacher[k] - teacherMean);
            loss += d * d / student.length;
            // the differences add up to 0, so that centring the gradient changes nothing
            gradient[k] += (float) (factor * 2 * d / student.length);
        }
        return loss;
    }
}
