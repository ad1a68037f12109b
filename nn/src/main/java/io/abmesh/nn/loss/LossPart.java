package io.abmesh.nn.loss;

/**
 * What a loss says of one output of the student.
 *
 * @param output one that the loss reads
 * @param factor of the samples' values in the sum that is the phase's loss
 * @param loss of a sample
 */
public record LossPart(StudentOutput output, double factor, SampleLoss loss) {}
