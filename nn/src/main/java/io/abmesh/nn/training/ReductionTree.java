package io.abmesh.nn.training;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The order in which the gradients of a step's micro-batches are added, a function of their number
 * alone: of {@code n > 1} neighbours the left part has as many as the largest power of two below
 * {@code n}, and a sum is that of its left part plus that of its right. Whoever computed which
 * part, the total has the same bits.
 *
 * <pre>
 * 5 micro-batches: ((0 + 1) + (2 + 3)) + 4
 * </pre>
 *
 * <p>A run of neighbours is covered by at most {@code 2 log2(n)} whole sums, so that is what a
 * student gives to others, however many micro-batches it computed.
 *
 * @param leaves micro-batches of the step, at least 1
 */
public record ReductionTree(int leaves) {
    /** The sum over the micro-batches {@code [first, end)}, a node of the tree. */
    public record Subtree(int first, int end) {
        public Subtree {
            if (first < 0 || end <= first) {
                throw new IllegalArgumentException("empty sum: first=" + first + ", end=" + end);
            }
        }

        private boolean leaf() {
            return end - first == 1;
        }

        private Subtree left() {
            return new Subtree(first, middle());
        }

        private Subtree right() {
            return new Subtree(middle(), end);
        }

        private int middle() {
            return first + Integer.highestOneBit(end - first - 1);
        }
    }

    public ReductionTree {
        if (leaves < 1) {
            throw new IllegalArgumentException("micro-batches: found=" + leaves + ", min=1");
        }
    }

    /** Returns the sum over all micro-batches. */
    public Subtree root() {
        return new Subtree(0, leaves);
    }

    /**
     * Returns the fewest sums of the tree that are the micro-batches {@code [first, end)} together,
     * in order; none if the range is empty.
     */
    public List<Subtree> cover(int first, int end) {
        List<Subtree> cover = new ArrayList<>();
        cover(root(), first, end, cover);
        return cover;
    }

    private static void cover(Subtree of, int first, int end, List<Subtree> cover) {
        if (of.end() <= first || of.first() >= end) {
            return;
        }
        if (of.first() >= first && of.end() <= end) {
            cover.add(of);
            return;
        }
        cover(of.left(), first, end, cover);
        cover(of.right(), first, end, cover);
    }

    /**
     * Adds parts up to the total.
     *
     * @param part returns the values of a sum that is known, or null, in which case its two halves
     *     are asked for; what it returns is added into, and the total may be the first of it
     * @throws IllegalArgumentException if a single micro-batch is not known
     */
    public float[] total(Function<Subtree, float @Nullable []> part) {
        return total(root(), part);
    }

    private static float[] total(Subtree of, Function<Subtree, float @Nullable []> part) {
        float @Nullable [] known = part.apply(of);
        if (known != null) {
            return known;
        }
        if (of.leaf()) {
            throw new IllegalArgumentException("no gradient of micro-batch " + of.first());
        }
        float[] left = total(of.left(), part);
        add(left, total(of.right(), part));
        return left;
    }

    /** {@code sum += more}. */
    static void add(float[] sum, float[] more) {
        for (int i = 0; i < sum.length; i++) {
            sum[i] += more[i];
        }
    }
}
