package io.abmesh.nn.engine;

import java.util.function.BiConsumer;

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
     * Tells what every batch norm of the last forward pass, one of training, has found: by the name
     * of the running statistic, {@code [C]} means and unbiased variances.
     */
    void batchStatistics(BiConsumer<String, float[]> reader);

    /**
     * Computes every output. A pass of training normalises with the batch's statistics, one of
     * inference with the running ones; neither changes them.
     */
    void forward();

    /**
     * Computes the gradient of every parameter of the nodes that take part, from the seeds of all
     * outputs. The pass is one of training and its {@link #forward} has run.
     */
    void backward();

    @Override
    void close();
}
