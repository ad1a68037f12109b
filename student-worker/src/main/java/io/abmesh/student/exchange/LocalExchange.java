package io.abmesh.student.exchange;

import io.abmesh.nn.training.ReductionTree;
import io.abmesh.nn.training.ReductionTree.Subtree;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The exchange of a student that is alone. */
public final class LocalExchange implements GradientExchange {
    private final ReductionTree tree;
    private final List<MeasuredMicroBatch> measured = new ArrayList<>();
    private final Map<Subtree, float[]> sums = new HashMap<>();

    /** Makes an exchange of steps that are cut into so many micro-batches. */
    public LocalExchange(int microBatches) {
        this.tree = new ReductionTree(microBatches);
    }

    @Override
    public void begin(long step) {
        measured.clear();
        sums.clear();
    }

    @Override
    public void measured(MeasuredMicroBatch microBatch) {
        measured.add(microBatch);
    }

    @Override
    public void summed(Subtree part, float[] gradient) {
        sums.put(part, gradient);
    }

    @Override
    public StepTotal finish() {
        return new StepTotal(tree.total(sums::get), measured);
    }

    @Override
    public void close() {
        // Nobody is there to be told.
    }
}
