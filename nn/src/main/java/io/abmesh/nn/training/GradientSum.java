package io.abmesh.nn.training;

import io.abmesh.nn.training.ReductionTree.Subtree;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Adds the gradients of neighbouring micro-batches, as they are computed, into the sums that cover
 * them in the {@link ReductionTree}. Holds one gradient per sum of the cover and one more, which it
 * uses again for the next step. Not thread-safe.
 */
public final class GradientSum {
    private final int length;
    private final Deque<float[]> free = new ArrayDeque<>();
    private final List<float[]> sums = new ArrayList<>();
    private ReductionTree tree = new ReductionTree(1);
    private int first;
    private int end;

    /**
     * Makes a sum of nothing.
     *
     * @param length of a gradient
     */
    public GradientSum(int length) {
        this.length = length;
    }

    /** Begins anew with micro-batches from {@code micro} on. */
    public void begin(ReductionTree of, int micro) {
        tree = of;
        first = micro;
        end = micro;
        free.addAll(sums);
        sums.clear();
    }

    /** Returns memory for the next micro-batch's gradient, which the caller fills and adds. */
    public float[] next() {
        float[] reused = free.poll();
        return reused == null ? new float[length] : reused;
    }

    /** Adds the gradient of the next micro-batch; taken. */
    public void add(float[] gradient) {
        sums.add(gradient);
        end++;
        int whole = tree.cover(first, end).size();
        while (sums.size() > whole) {
            float[] right = sums.remove(sums.size() - 1);
            ReductionTree.add(sums.get(sums.size() - 1), right);
            free.add(right);
        }
    }

    /**
     * Returns the sums so far, in order; borrowed until the next {@link #add} or {@link #begin}.
     */
    public Map<Subtree, float[]> sums() {
        Map<Subtree, float[]> found = new LinkedHashMap<>();
        int at = 0;
        for (Subtree part : tree.cover(first, end)) {
            found.put(part, sums.get(at++));
        }
        return found;
    }
}
