package io.abmesh.nn.loss;

import java.util.List;

/**
 * One term of a phase's loss. Each kind is a record of its parameters that says which outputs of
 * the student it reads and what it makes of them; to add a kind is to add one.
 */
public interface LossTerm {
    /**
     * Returns the outputs of the student that it reads, earlier taps first.
     *
     * @param taps number of the taps of the run
     * @throws IllegalArgumentException if it is at taps and there are none
     */
    List<StudentOutput> reads(int taps);

    /**
     * Returns whether it compares the responses that it reads with the teacher's neuron by neuron,
     * so that their agreement is of interest.
     */
    default boolean comparesNeurons() {
        return false;
    }

    /**
     * Returns its value and gradient, a mean over the samples of a micro-batch, as parts that are
     * added up. Parts of earlier taps are computed first, each for all samples.
     */
    List<LossPart> parts(LossBatch batch);
}
