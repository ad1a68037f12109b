package io.abmesh.nn.engine;

import io.abmesh.nn.network.ParameterSpec;

/**
 * Forward and backward passes of one network over batches of one size, as far as some outputs need
 * it: nodes that no output reads are neither computed nor given a gradient.
 *
 * <p>Owns the activations and gradients of its batch size; allocates nothing once it has run. One
 * thread at a time.
 */
sealed interface Pass extends AutoCloseable permits OperatorPass, OneDnnPass {
    /** Returns the array {@code [N, H, W, C]} that the caller fills with the normalised images. */
    FloatArray input();

    /** Returns an output's value {@code [N, H, W, C]} of the last forward pass; borrowed. */
    FloatArray output(String name);

    /**
     * Returns the array {@code [N, H, W, C]} where the caller leaves the gradient of the loss by an
     * output, before {@link #backward}; borrowed.
     */
    FloatArray seed(String name);

    /**
     * Returns whether the array's node takes part, so that {@link #backward} writes its gradient.
     */
    boolean reaches(ParameterSpec parameter);

    /**
     * Computes every output. A pass of training normalises with the batch's statistics and folds
     * them into the running ones; one of inference normalises with the running ones.
     */
    void forward();

    /**
     * Computes the gradient of every parameter that {@link #reaches}, from the seeds of all
     * outputs. The pass is one of training and its {@link #forward} has run.
     */
    void backward();

    @Override
    void close();
}
