package io.abmesh.nn.training;

/**
 * Stochastic gradient descent with Nesterov momentum in PyTorch's form.
 *
 * @param momentum in {@code [0, 1)}
 * @param weightDecay added to the gradient of every updated parameter, batch norm included; not
 *     negative
 */
public record OptimizerSetup(double momentum, double weightDecay) {
    public OptimizerSetup {
        if (!(momentum >= 0 && momentum < 1)) {
            throw new IllegalArgumentException("momentum: found=" + momentum + ", expected=[0, 1)");
        }
        if (!(weightDecay >= 0)) {
            throw new IllegalArgumentException(
                    "weight decay must not be negative: found=" + weightDecay);
        }
    }
}
