package io.abmesh.nn.loss;

import io.abmesh.nn.loss.StudentOutput.Kind;
import java.util.List;

/** A loss that is the sum of what it says of each of its taps. */
interface TapLoss extends LossTerm {
    /** Returns the numbers of the taps, from 0 for the first, ascending; empty: all. */
    List<Integer> taps();

    /** Returns what it reads at a tap. */
    default Kind output() {
        return Kind.RESPONSE;
    }

    /** Returns what it says of a tap that it reads. */
    LossPart part(LossBatch batch, StudentOutput output);

    @Override
    default List<StudentOutput> reads(int tapCount) {
        return StudentOutput.at(output(), taps(), tapCount);
    }

    @Override
    default List<LossPart> parts(LossBatch batch) {
        return reads(batch.taps()).stream().map(output -> part(batch, output)).toList();
    }
}
