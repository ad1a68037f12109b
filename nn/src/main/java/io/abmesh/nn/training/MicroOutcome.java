package io.abmesh.nn.training;

import java.util.List;

/**
 * What a micro-batch measured.
 *
 * @param loss sum of the terms
 * @param terms weighted value of each term, in the order of the phase
 * @param agreement share of neurons on the teacher's side, per tap; empty unless every tap is
 *     compared neuron by neuron
 */
public record MicroOutcome(double loss, List<Double> terms, List<Double> agreement) {
    public MicroOutcome {
        terms = List.copyOf(terms);
        agreement = List.copyOf(agreement);
    }
}
