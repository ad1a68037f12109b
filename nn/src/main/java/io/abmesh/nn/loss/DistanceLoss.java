package io.abmesh.nn.loss;

/**
 * Distance of the student's responses, behind the connector, from the teacher's.
 *
 * <p>Per neuron, with {@code d = f(s) - f(t)}: {@code d * d}, with gradient {@code 2 d f'(s)}, or
 * {@code |d|}, with gradient {@code sign(d) f'(s)}; {@code f} is the ReLU or nothing, {@code f'(0)
 * = 0} and {@code sign(0) = 0}, as in PyTorch.
 *
 * @see <a href="https://arxiv.org/abs/1412.6550">Romero et al., FitNets, equation 3</a>
 */
public final class DistanceLoss {
    private DistanceLoss() {}

    /**
     * Returns the sum over the neurons of a sample, before any factor.
     *
     * @param response student, {@code [H * W, C]}; borrowed
     * @param teacher {@code [H * W, C]}; borrowed
     * @param gradient {@code factor} times the gradient is added
     */
    public static double sample(
            float[] response,
            float[] teacher,
            LossTerm.Distance term,
            float factor,
            float[] gradient) {
        double sum = 0;
        for (int i = 0; i < response.length; i++) {
            boolean passes = !term.rectified() || response[i] > 0;
            // max, unlike a comparison, hands on what is not a number
            float d =
                    term.rectified()
                            ? Math.max(response[i], 0f) - Math.max(teacher[i], 0f)
                            : response[i] - teacher[i];
            boolean squared = term.norm() == LossTerm.Distance.Norm.L2;
            sum += squared ? (double) d * d : Math.abs(d);
            if (passes) {
                gradient[i] += factor * (squared ? 2 * d : Math.signum(d));
            }
        }
        return sum;
    }
}
